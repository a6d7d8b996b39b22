//! `--share`: a directory of this host in the guest.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::machine::share::Config;

/// What `--share` takes, for `--help`.
pub const HELP: &str = "DIR[:/WHERE][,ro]: a directory of this host, which the guest sees at the \
same path, or at /WHERE. A COMMAND starts in the current directory if that is shared. The guest \
cannot leave the directory; with `ro` it cannot change it";

/// One `--share`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareSpec {
    /// The directory, as it was given.
    pub path: PathBuf,
    place: Option<String>,
    /// Whether the guest may only read.
    pub read_only: bool,
}

impl std::str::FromStr for ShareSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (text, read_only) = match text.strip_suffix(",ro") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (path, place) = match text.rsplit_once(":/") {
            Some((path, place)) => (path, Some(format!("/{place}"))),
            None => (text, None),
        };
        if path.is_empty() {
            return Err("the directory is missing; a share is DIR[:/WHERE][,ro]".into());
        }
        Ok(Self { path: path.into(), place, read_only })
    }
}

impl ShareSpec {
    /// What it means, here and now.
    pub fn config(&self) -> Result<Config> {
        let name = || format!("cannot share {}", self.path.display());
        let path = self.path.canonicalize().with_context(name)?;
        let place = match (&self.place, path.to_str()) {
            (Some(place), _) => place.clone(),
            (None, Some(same)) => same.to_owned(),
            (None, None) => {
                anyhow::bail!("{}: its path is not UTF-8: say where, by DIR:/WHERE", name())
            }
        };
        if place.trim_matches('/').is_empty() {
            anyhow::bail!("{}: it would hide all of the guest: say where, by DIR:/WHERE", name());
        }
        Ok(Config { path, place, read_only: self.read_only })
    }
}

/// Where the guest has `directory` of this host, if one of the shares holds it.
pub fn place_of(directory: &Path, shares: &[Config]) -> Option<String> {
    shares.iter().rev().find_map(|share| {
        let below = directory.strip_prefix(&share.path).ok()?;
        Path::new(&share.place).join(below).to_str().map(Into::into)
    })
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;
