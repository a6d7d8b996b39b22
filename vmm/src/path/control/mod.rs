//! Asking and changing a path while traffic flows.
//!
//! A unix stream socket, lines of text: a [`Request`] (`show`, `set mtu=1492 b.rate=50mbit`) is
//! answered by one line of JSON, an [`Answer`]. A client may ask as often as it likes on one
//! connection. `nicvmm path show` and `set` are such clients ([`ask`]); so is
//! `echo show | socat - UNIX:SOCKET`.

mod client;
mod server;

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Report;
use super::settings::{Change, Settings};

pub use client::ask;
pub(super) use server::Control;

/// Longest request, its newline included.
pub const REQUEST_MAX: usize = 4096;

/// What a path may be asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// For its settings and counters.
    Show,
    /// To change, all of it or nothing; then as for `Show`.
    Set(Vec<Change>),
}

impl FromStr for Request {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("show") => Ok(Self::Show),
            Some("set") => {
                let changes: Result<Vec<_>, _> = words.map(str::parse).collect();
                changes.map(Self::Set).map_err(|why| why.to_string())
            }
            _ => Err(format!("'{line}' is no request; there are show and set KEY=VALUE...")),
        }
    }
}

impl Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Show => f.write_str("show"),
            Self::Set(changes) => {
                f.write_str("set")?;
                changes.iter().try_for_each(|change| write!(f, " {change}"))
            }
        }
    }
}

/// What a path says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It did as asked, and this is how it is now.
    State(Box<State>),
    /// It did nothing, because of this.
    Error(String),
}

/// A path at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What it is set to.
    pub settings: Settings,
    /// What it counted.
    pub counters: Report,
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
