//! Why a comparison ended early, and the exit status that says so.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

/// Exit status when something took longer than it was given.
pub const EXIT_TIMED_OUT: u8 = 124;
/// Exit status when a part of the lab, not the thing measured, is at fault.
pub const EXIT_LAB_FAULT: u8 = 125;
/// Added to a signal's number to make the exit status of a run it ended.
const EXIT_SIGNAL_BASE: u8 = 128;

/// Why a comparison ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A signal asked to stop.
    #[error("stopped by {0}")]
    Interrupted(Signal),

    /// Something took longer than it was given.
    #[error("{what} took longer than {} s{evidence}", limit.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// The last lines of whatever was waited for, or nothing.
        evidence: Evidence,
    },

    /// The path did not change as it was told.
    #[error("the path did not take `{changes}`: {reason}")]
    Path {
        /// What it was told.
        changes: String,
        /// What it said.
        reason: String,
    },

    /// A process ended that should have gone on.
    #[error("{part} ended ({status}){evidence}")]
    Ended {
        /// Which one.
        part: String,
        /// How it ended.
        status: String,
        /// Its last words, or nothing.
        evidence: Evidence,
    },

    /// A command in a guest failed.
    #[error("in the {guest} guest, `{command}` failed: {reason}")]
    Guest {
        /// `server` or `client`.
        guest: &'static str,
        /// The command line.
        command: String,
        /// What it said.
        reason: String,
    },

    /// A program could not be started.
    #[error("cannot start {part} ({program}): {source}{hint}")]
    Start {
        /// Which part of the lab.
        part: String,
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
        /// What to do about it, or nothing.
        hint: String,
    },

    /// A file or directory could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// `create`, `read` or `write`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A system call of the lab itself failed.
    #[error("cannot {action}: {source}")]
    System {
        /// What it was for.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Adds the last lines of whatever was waited for, where that took too long.
    #[must_use]
    pub fn or_evidence(self, find: impl FnOnce() -> Evidence) -> Self {
        match self {
            Self::TimedOut { what, limit, evidence } if evidence == Evidence::none() => {
                Self::TimedOut { what, limit, evidence: find() }
            }
            other => other,
        }
    }

    /// Whether a guest died or hung, and the same may go well when it is tried again.
    pub fn is_of_a_guest(&self) -> bool {
        match self {
            Self::Ended { part, .. } => part.contains("guest"),
            Self::TimedOut { .. } | Self::Guest { .. } => true,
            _ => false,
        }
    }

    /// What happened, in one line.
    pub fn headline(&self) -> String {
        self.to_string().lines().next().unwrap_or_default().to_owned()
    }

    /// The exit status of a program that ends with this error.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Interrupted(signal) => EXIT_SIGNAL_BASE + *signal as u8,
            Self::TimedOut { .. } => EXIT_TIMED_OUT,
            _ => EXIT_LAB_FAULT,
        }
    }
}

/// The last lines of a log, shown indented below an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    sections: Vec<(String, Vec<String>)>,
}

impl Evidence {
    /// Lines shown of each log.
    pub const LINES: usize = 20;

    /// No evidence.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds the last lines of `text`, under `title`; an empty text adds nothing.
    #[must_use]
    pub fn with(mut self, title: &str, text: &str) -> Self {
        let lines: Vec<&str> =
            text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let skipped = lines.len().saturating_sub(Self::LINES);
        if !lines.is_empty() {
            let kept = lines[skipped..].iter().map(|line| printable(line)).collect();
            self.sections.push((title.to_owned(), kept));
        }
        self
    }
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (title, lines) in &self.sections {
            write!(f, "\n  {title}:")?;
            for line in lines {
                write!(f, "\n  | {line}")?;
            }
        }
        Ok(())
    }
}

/// A guest's console must not be able to steer the terminal it is shown on.
fn printable(line: &str) -> String {
    line.chars().filter(|c| !c.is_control() || *c == '\t').collect()
}
