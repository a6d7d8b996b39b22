//! Writes options as a file of them.

use std::fmt::Write as _;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command};
use serde_json::json;

use super::schema::is_number;

/// A file that has the same effect as a command line, defaults included.
pub fn show(command: &Command, matches: &ArgMatches) -> String {
    let mut text = String::new();
    for (key, option) in super::keys(command) {
        let id = option.get_id().as_str();
        let source = matches.value_source(id);
        if !matches!(source, Some(ValueSource::CommandLine | ValueSource::DefaultValue)) {
            continue;
        }
        let values = matches.get_raw(id).into_iter().flatten();
        let mut values = values.map(|value| match value.to_string_lossy() {
            value if is_number(option) => value.into_owned(),
            // What JSON makes of a text, TOML reads alike.
            value => json!(value).to_string(),
        });
        let value = match option.get_action() {
            ArgAction::SetTrue if matches.get_flag(id) => "true".into(),
            ArgAction::SetTrue => continue,
            ArgAction::Append => format!("[{}]", values.collect::<Vec<_>>().join(", ")),
            _ => values.next().unwrap_or_default(),
        };
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}
