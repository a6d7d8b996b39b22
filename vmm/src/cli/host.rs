//! `--host`: where guests run, and the way from here into the nested machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{CommandFactory, ValueEnum};

use super::line::Line;
use super::{Cli, exit};
use crate::machine::Error;
use crate::machine::probe::{Verdict, can_run_linux};
use crate::nested::{self, Request};
use crate::streams::say;

/// Where guests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Host {
    /// On /dev/kvm if it can run Linux, else in a nested software machine.
    Auto,
    /// On /dev/kvm.
    Kvm,
    /// In a software machine that emulates virtualization.
    Nested,
}

/// What became of trying out /dev/kvm.
pub type Trial = std::result::Result<Verdict, Error>;

impl Host {
    /// Whether guests go into the nested machine, given what /dev/kvm is good for.
    pub fn prefers_nested(self, trial: &Trial) -> bool {
        // Joining a group is a better remedy than a much slower machine.
        let is_good = matches!(trial, Ok(Verdict::Yes) | Err(Error::KvmPermission));
        self == Self::Nested || self == Self::Auto && !is_good
    }

    /// Whether guests go into the nested machine; where that was not asked for, says why.
    pub fn is_nested(self, quiet: bool) -> Result<bool> {
        if self != Self::Auto {
            return Ok(self == Self::Nested);
        }
        let trial = can_run_linux();
        let is_nested = self.prefers_nested(&trial);
        let reason = match trial {
            Ok(Verdict::Yes) => return Ok(is_nested),
            Ok(Verdict::No(reason)) => reason,
            Err(error) if !is_nested => return Err(error.into()),
            Err(error) => error.to_string(),
        };
        if !quiet {
            say(format_args!("nicvmm: {reason}; using the nested machine, which is much slower"));
        }
        Ok(is_nested)
    }
}

/// A request to carry out in the nested machine what a command line asks for.
pub fn same_command(line: Line) -> Result<Request> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut argv = line.without("host").with("host", "kvm").into_words();
    if let Some(name) = argv.first_mut() {
        *name = program.into();
    }
    Ok(Request::new(argv))
}

/// The words of a command line of this program, taken apart.
pub fn line_of(words: &[OsString]) -> Line {
    Line::of(&Cli::command(), words)
}

/// Carries out a request, and answers its exit status. If the machine fails, or the command says that
/// it did by [`exit::LOST`], `tries` says how often it is started at all: more than once only where
/// nothing is lost by starting over.
pub fn enter_nested(request: &Request, tries: u32, quiet: bool) -> Result<ExitCode> {
    for left in (0..tries).rev() {
        let next = if left > 0 { "; starting it again" } else { "" };
        match nested::run(request, &super::guest::spinner(quiet)) {
            Err(error) if error.is_of_the_emulation() => say(format_args!("nicvmm: {error}{next}")),
            Ok(status) if status == i32::from(exit::LOST) && left > 0 => {
                say(format_args!("nicvmm: the nested machine loses its guests{next}"));
            }
            result => return Ok(ExitCode::from(result? as u8)),
        }
    }
    Ok(exit::LOST.into())
}

/// The directory in which a file is to be written.
pub fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.into(),
        _ => ".".into(),
    }
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
