//! One thing that was looked at.

use std::fmt;

use serde::Serialize;

/// What it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It is as it should be.
    Ok,
    /// It is not there; only what is said to need it does not work.
    Missing,
    /// It stands in the way of `run` and `compare`.
    Failed,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, for scripts.
    pub name: &'static str,
    /// What it means.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What needs it; shown where it is missing.
    #[serde(rename = "for")]
    pub purpose: &'static str,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    /// Something that is for `purpose`, not yet looked at.
    pub fn of(name: &'static str, purpose: &'static str) -> Self {
        Self { name, level: Level::Ok, found: String::new(), purpose, remedy: None }
    }

    /// It is as it should be.
    pub fn ok(self, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, found: found.into(), ..self }
    }

    /// It is not there.
    pub fn missing(self, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into()).filter(|remedy| !remedy.is_empty());
        Self { level: Level::Missing, found: found.into(), remedy, ..self }
    }

    /// It stands in the way.
    pub fn failed(self, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Failed, ..self.missing(found, remedy) }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level {
            Level::Ok => "ok",
            Level::Missing => "-",
            Level::Failed => "FAIL",
        };
        write!(f, "{mark:<5} {:<10} {}", self.name, self.found)?;
        if self.level != Level::Ok {
            write!(f, "; needed for {}", self.purpose)?;
        }
        match &self.remedy {
            Some(remedy) => write!(f, ": {remedy}"),
            None => Ok(()),
        }
    }
}
