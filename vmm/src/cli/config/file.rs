//! Reads a file of options.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read --config {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("{path}: {message}", path = path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// A key or its value makes no sense.
    #[error("{path}: line {line}: {key}: {why}", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// The key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What a key stands for on the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// clap's name of the option.
    pub option: String,
    /// Whether it stands behind `--`.
    pub is_positional: bool,
    /// What would be typed.
    pub words: Vec<OsString>,
}

/// Reads options of `command` from a file.
pub fn read(command: &Command, path: &Path) -> Result<Vec<Entry>, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::Unreadable { path: path.into(), source })?;
    let table = DeTable::parse(&text).map_err(|error| Error::NotToml {
        path: path.into(),
        message: error.to_string().trim_end().to_owned(),
    })?;
    let entries = table.get_ref().iter().map(|(key, value)| {
        entry(command, key.get_ref(), value).map_err(|why| Error::Key {
            path: path.into(),
            line: line(&text, culprit(command, key, value)),
            key: key.get_ref().to_string(),
            why,
        })
    });
    entries.collect()
}

/// Where the mistake is: at the key, or at the one value of a list that would not do by itself.
fn culprit(command: &Command, key: &Spanned<DeString>, value: &Spanned<DeValue>) -> usize {
    let values = value.get_ref().as_array().into_iter().flat_map(|values| values.iter());
    let mut wrong = values.filter(|value| entry(command, key.get_ref(), value).is_err());
    wrong.next().map_or(key.span(), Spanned::span).start
}

fn entry(command: &Command, key: &str, value: &Spanned<DeValue>) -> Result<Entry, String> {
    let Some((_, option)) = super::keys(command).find(|(known, _)| *known == key) else {
        let known: Vec<&str> = super::keys(command).map(|(known, _)| known).collect();
        return Err(format!("no such key; there are {}", known.join(", ")));
    };
    let is_positional = option.is_positional();
    let values = values(option, value.get_ref())?;
    let words: Vec<OsString> = match option.get_action() {
        ArgAction::SetTrue if values == ["false"] => Vec::new(),
        ArgAction::SetTrue if values == ["true"] => vec![format!("--{key}").into()],
        ArgAction::SetTrue => return Err("takes true or false".into()),
        _ if is_positional => values.into_iter().map(Into::into).collect(),
        _ => values.iter().map(|value| format!("--{key}={value}").into()).collect(),
    };
    check(command, is_positional, &words)?;
    Ok(Entry { option: option.get_id().to_string(), is_positional, words })
}

/// The values as they would be typed.
fn values(option: &Arg, value: &DeValue) -> Result<Vec<String>, String> {
    let repeats = matches!(option.get_action(), ArgAction::Append) || option.is_positional();
    match value {
        DeValue::Array(values) if repeats => {
            values.iter().map(|value| scalar(value.get_ref())).collect()
        }
        DeValue::Array(_) => Err("takes one value, not a list".into()),
        value => scalar(value).map(|value| vec![value]),
    }
}

fn scalar(value: &DeValue) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|error| error.to_string()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Ok(truth.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Err(format!("takes no {}; write it as on the command line", value.type_str()))
        }
    }
}

/// Has clap look at one option alone. What goes with what, it is asked once all are together.
fn check(command: &Command, is_positional: bool, words: &[OsString]) -> Result<(), String> {
    let separator = is_positional.then(|| OsString::from("--"));
    let line = std::iter::once("".into()).chain(separator).chain(words.iter().cloned());
    match command.clone().try_get_matches_from(line) {
        Err(error) => match error.kind() {
            ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict => Ok(()),
            _ => Err(first_line(&error)),
        },
        Ok(_) => Ok(()),
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    paragraph.trim_start_matches("error: ").trim_end().to_owned()
}

/// Number of the line in which the byte at `offset` is.
fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
