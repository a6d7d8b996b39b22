//! The scenarios that come with the program, and the way to those that do not.
//!
//! They are the files below `resources/scenarios`, by their paths without `.toml`; a directory of
//! them is a group, in the order of this list.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::parse;
use super::{Error, Scenario};

/// A scenario that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `GROUP/NAME`.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! entries {
    ($($name:literal),* $(,)?) => {
        [$(Entry {
            name: $name,
            text: include_str!(concat!("../../../../resources/scenarios/", $name, ".toml")),
        }),*]
    };
}

/// All of them, in order.
pub static ENTRIES: [Entry; 26] = entries![
    "incident/row-01",
    "incident/row-02",
    "incident/row-03",
    "incident/row-04",
    "incident/row-05",
    "incident/row-06",
    "incident/row-07",
    "incident/row-08",
    "incident/row-09",
    "incident/row-10",
    "incident/row-11",
    "incident/row-12",
    "physics/law-of-the-crawl",
    "physics/bandwidth",
    "physics/path-mtu",
    "physics/icmp-rate",
    "physics/cable",
    "physics/ipv6",
    "physics/mtu-1280",
    "physics/jumbo",
    "physics/chain",
    "physics/mtu-probing",
    "physics/congestion-control",
    "physics/min-tso-segs",
    "physics/black-hole",
    "physics/profiles",
];

/// How many letters a name may differ in to be worth a hint.
const CLOSE: usize = 3;

/// The scenario of this name, all of a group, or that in a file (or all in a directory).
pub fn find(name: &str) -> Result<Vec<Scenario>, Error> {
    let name = name.trim_end_matches('/');
    let of_group = |entry: &&Entry| {
        entry.name == name
            || entry.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
    };
    let known: Vec<Scenario> = ENTRIES
        .iter()
        .filter(of_group)
        .map(|entry| parse(entry.name, &format!("{}.toml", entry.name), entry.text))
        .collect::<Result<_, _>>()?;
    if !known.is_empty() {
        return Ok(known);
    }
    let path = Path::new(name);
    if path.is_dir() {
        return directory(path);
    }
    if path.exists() || path.extension().is_some_and(|extension| extension == "toml") {
        return Ok(vec![read(path)?]);
    }
    let close = ENTRIES.iter().map(|entry| (distance(entry.name, name), entry.name)).min();
    let hint = close
        .filter(|(distance, _)| *distance <= CLOSE)
        .map_or_else(String::new, |(_, close)| format!(" (did you mean `{close}`?)"));
    Err(Error::Unknown { name: name.to_owned(), hint })
}

/// The text of a scenario that comes with the program, to start one's own from.
pub fn text(name: &str) -> Option<&'static str> {
    ENTRIES.iter().find(|entry| entry.name == name).map(|entry| entry.text)
}

/// Every scenario in a directory, by name.
fn directory(path: &Path) -> Result<Vec<Scenario>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let mut files: Vec<PathBuf> = fs::read_dir(path)
        .map_err(unreadable)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    if files.is_empty() {
        let (origin, message) = (path.display().to_string(), "there is no .toml file in it".into());
        return Err(Error::Content { origin, message });
    }
    files.iter().map(|file| read(file)).collect()
}

fn read(path: &Path) -> Result<Scenario, Error> {
    let text = fs::read_to_string(path)
        .map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    parse(&name, &path.display().to_string(), &text)
}

/// Letters to insert, remove or exchange to get from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (above, b) in row.iter_mut().skip(1).zip(&to) {
            let exchanged = diagonal + usize::from(a != *b);
            diagonal = *above;
            left = exchanged.min(left + 1).min(*above + 1);
            *above = left;
        }
        row[0] = i + 1;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;
