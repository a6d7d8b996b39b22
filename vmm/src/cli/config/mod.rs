//! `--config FILE`: the words of a command line, in a TOML file.
//!
//! A file says nothing that the command line could not: every key is the name of an option, and
//! whatever an option takes, the key takes. So nothing here knows an option by name:
//! 1. [`expand`] looks which options the command line itself has; those win, as a whole;
//! 2. [`file::read`] takes every key for the option of that name, and has clap check the value on its
//!    own, so that a mistake is told with file, line and key;
//! 3. the rest of the file joins the command line, which is then parsed as if it had been typed.
//!
//! [`show`] writes what came of it as such a file, and [`schema()`] describes such files to editors.

mod file;
mod schema;
mod show;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::line::Line;
pub use file::Error;
pub use schema::schema;
pub use show::show;

/// The option that names the file.
const CONFIG: &str = "config";
/// Options that a file cannot have: they are about the file, or the program.
const NOT_IN_FILES: [&str; 4] = [CONFIG, "print_config", "help", "version"];

/// The command line with what is in its `--config`; as it is, if it has none.
pub fn expand(program: &Command, line: Vec<OsString>) -> Result<Vec<OsString>, Error> {
    let [name, subcommand, ..] = &line[..] else { return Ok(line) };
    let Some(command) = program.find_subcommand(subcommand) else { return Ok(line) };
    let Some(given) = given(command, &line[1..]) else { return Ok(line) };
    let Some(path) = given.get_one::<PathBuf>(CONFIG) else { return Ok(line) };
    let mut expanded = vec![name.clone(), subcommand.clone()];
    let mut positional = Vec::new();
    for entry in file::read(command, path)? {
        if given.value_source(entry.option.as_str()) == Some(ValueSource::CommandLine) {
            continue;
        }
        let place = if entry.is_positional { &mut positional } else { &mut expanded };
        place.extend(entry.words);
    }
    // Whoever is handed the line may not be able to read the file once more.
    expanded.extend(Line::of(program, &line).without(CONFIG).into_words().into_iter().skip(2));
    if !positional.is_empty() {
        expanded.push("--".into());
        expanded.extend(positional);
    }
    Ok(expanded)
}

/// What the command line has, complete or not: the file may bring what is missing.
fn given(command: &Command, line: &[OsString]) -> Option<ArgMatches> {
    if !command.get_arguments().any(|option| option.get_id() == CONFIG) {
        return None;
    }
    command.clone().ignore_errors(true).try_get_matches_from(line).ok()
}

/// The options that a file may have, with their keys.
fn keys(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    let options = command.get_arguments().filter(|option| {
        !NOT_IN_FILES.contains(&option.get_id().as_str()) && !option.is_hide_set()
    });
    options.map(|option| (option.get_long().unwrap_or(option.get_id().as_str()), option))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
