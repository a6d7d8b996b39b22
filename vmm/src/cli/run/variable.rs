//! `--env`: a variable of the command's environment.

use std::str::FromStr;

/// One `--env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl FromStr for Variable {
    type Err = String;

    /// `NAME=VALUE`, or `NAME` for the value that it has here.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (text, std::env::var(text).map_err(|error| format!("{error} here"))?),
        };
        if name.is_empty() {
            return Err("a variable has a name: write NAME=VALUE, or NAME".into());
        }
        Ok(Self { name: name.into(), value })
    }
}

#[cfg(test)]
#[path = "variable_tests.rs"]
mod tests;
