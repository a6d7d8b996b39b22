//! Files that people write: options of `run`, scenarios of `compare`, results, words of a path.
//!
//! The first byte picks which; the rest is the file. What must hold:
//!
//! - it is taken, or refused with a reason that names the place;
//! - options that are taken and printed as a file again mean the same;
//! - a result that is taken can be shown in every way.

use std::ffi::OsString;

use clap::CommandFactory;
use vmm::cli::{Cli, config};
use vmm::lab::scenario::file;
use vmm::lab::{Story, markdown, page, story};
use vmm::path::settings::Change;
use vmm::path::{PathConfig, PortConfig};

use crate::Input;
use crate::memory_file::MemoryFile;

/// Reads the file in `data`.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(choice) = input.byte() else { return };
    let bytes = input.bytes(usize::MAX);
    match (choice % 4, std::str::from_utf8(bytes)) {
        (0, _) => options(bytes),
        (1, Ok(text)) => scenario(text),
        (2, Ok(text)) => words(text),
        (_, Ok(text)) => result(text),
        (_, Err(_)) => {}
    }
}

/// What `nicvmm run --print-config` would print for such a file.
fn shown(bytes: &[u8]) -> Result<String, String> {
    let file = MemoryFile::new(bytes);
    let line: Vec<OsString> =
        vec!["nicvmm".into(), "run".into(), "--config".into(), file.path().into()];
    let line = config::expand(&Cli::command(), line).map_err(|error| error.to_string())?;
    let program = Cli::command();
    let matches = program.clone().try_get_matches_from(line).map_err(|error| error.to_string())?;
    let (name, matches) = matches.subcommand().ok_or("no command")?;
    let command = program.find_subcommand(name).ok_or("no such command")?;
    Ok(config::show(command, matches))
}

fn options(bytes: &[u8]) {
    match shown(bytes) {
        Ok(text) => assert_eq!(shown(text.as_bytes()).as_ref(), Ok(&text), "it means another"),
        Err(why) => assert!(!why.is_empty(), "refused without a reason"),
    }
}

fn scenario(text: &str) {
    if let Err(error) = file::parse("input", "input.toml", text) {
        let why = error.to_string();
        assert!(why.contains("input"), "the file is not named: {why}");
    }
}

/// A port, or changes of a path, one a line.
fn words(text: &str) {
    let port = |text: &str| text.parse::<PortConfig>();
    let sound = || port("stream:a,ip=10.0.1.1/24").expect("it is sound");
    let mut lines = text.lines();
    let first = lines.next().and_then(|line| port(line).ok()).unwrap_or_else(sound);
    let mut config = PathConfig::new(first, sound());
    for line in lines {
        if let Ok(change) = line.parse::<Change>() {
            let again = change.to_string().parse::<Change>();
            assert_eq!(again.as_ref(), Ok(&change), "{change} is another");
            let _ = change.apply(&mut config);
        }
    }
}

fn result(text: &str) {
    if let Ok(result) = Story::from_json(text) {
        for shown in [story::render(&result), markdown::render(&result), page::render(&result)] {
            assert!(!shown.is_empty(), "nothing is shown of it");
        }
    }
}
