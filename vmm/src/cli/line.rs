//! A command line as it was typed, to be carried out elsewhere with an option more or less.
//!
//! [`Line`] takes the words apart as clap does, which knows for each option whether a value follows:
//! in `--append --host kvm` the second word is text for the guest's kernel and no option of ours.

use std::ffi::{OsStr, OsString};

use clap::Command;

/// The program's name, the subcommand, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    head: Vec<OsString>,
    parts: Vec<Part>,
}

/// An option with its value, or anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// Its long name, without dashes.
    option: Option<String>,
    words: Vec<OsString>,
}

impl Line {
    /// Takes a command line of `program` apart, of which the first word is its name.
    pub fn of(program: &Command, words: &[OsString]) -> Self {
        let (head, rest) = words.split_at(words.len().min(2));
        let command = head.get(1).and_then(|name| program.find_subcommand(name));
        let mut rest = rest.iter().cloned();
        let mut parts = Vec::new();
        while let Some(word) = rest.next() {
            if word == OsStr::new("--") {
                let words = std::iter::once(word).chain(rest).collect();
                parts.push(Part { option: None, words });
                break;
            }
            let option = word.to_str().and_then(|word| word.strip_prefix("--"));
            let (name, has_value) = match option.map(|option| option.split_once('=')) {
                Some(Some((name, _))) => (Some(name.to_owned()), true),
                Some(None) => (option.map(str::to_owned), false),
                None => (None, true),
            };
            let takes_value = || {
                let mut options = command?.get_arguments();
                let option = options.find(|option| option.get_long() == name.as_deref())?;
                Some(option.get_action().takes_values())
            };
            let value = if !has_value && takes_value() == Some(true) { rest.next() } else { None };
            let words = std::iter::once(word).chain(value).collect();
            parts.push(Part { option: name, words });
        }
        Self { head: head.to_vec(), parts }
    }

    /// The line without the option of this name, as often as it is there.
    #[must_use]
    pub fn without(mut self, option: &str) -> Self {
        self.parts.retain(|part| part.option.as_deref() != Some(option));
        self
    }

    /// The line with one more option, which comes first.
    #[must_use]
    pub fn with(mut self, option: &str, value: impl AsRef<OsStr>) -> Self {
        let mut word = OsString::from(format!("--{option}="));
        word.push(value);
        self.parts.insert(0, Part { option: Some(option.into()), words: vec![word] });
        self
    }

    /// Its words.
    pub fn into_words(self) -> Vec<OsString> {
        let rest = self.parts.into_iter().flat_map(|part| part.words);
        self.head.into_iter().chain(rest).collect()
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
