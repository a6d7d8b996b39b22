//! What happens to the path while a download runs: a cable that is pulled, a rate that changes.
//!
//! A [`Moment`] is a time after the start and words of `nicvmm path set`: `2s link=down`. The
//! [`Agenda`] of a run tells them to its path when they are due.

use std::collections::VecDeque;
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::error::Error;
use crate::path::control::{Request, ask};
use crate::path::settings::Change;

/// Changes of the path at some time of the download.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// How long after the start.
    after: Duration,
    /// What changes, all at once.
    changes: Vec<Change>,
    text: String,
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let after = words.next().unwrap_or_default();
        let after = humantime::parse_duration(after).map_err(|error| {
            format!("`{after}` is not a time, {error}; write for example `2s link=down`")
        })?;
        let changes = words.map(|word| word.parse().map_err(|why| format!("{why}")));
        let changes = changes.collect::<Result<Vec<Change>, String>>()?;
        if changes.is_empty() {
            return Err(format!("`{text}` changes nothing; write for example `2s link=down`"));
        }
        Ok(Self { after, changes, text: text.to_owned() })
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The moments that are still to come.
#[derive(Debug)]
pub struct Agenda {
    control: PathBuf,
    start: Instant,
    moments: VecDeque<Moment>,
}

impl Agenda {
    /// For the path that listens at `control`, from now on.
    pub fn new(control: PathBuf, moments: &[Moment]) -> Self {
        let mut moments = moments.to_vec();
        moments.sort_by_key(|moment| moment.after);
        Self { control, start: Instant::now(), moments: moments.into() }
    }

    /// Tells the path what is due.
    pub fn keep(&mut self) -> Result<(), Error> {
        while self.moments.front().is_some_and(|next| self.start.elapsed() >= next.after)
            && let Some(moment) = self.moments.pop_front()
        {
            let request = Request::Set(moment.changes.clone());
            ask(&self.control, &request).map_err(|why| Error::Path {
                changes: moment.text.clone(),
                reason: format!("{why:#}"),
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "during_tests.rs"]
mod tests;
