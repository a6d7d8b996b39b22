//! Describes files of options as JSON Schema, for editors that complete and check them.

use std::any::TypeId;
use std::time::Duration;

use clap::{Arg, ArgAction, Command};
use serde_json::{Map, Value, json};

/// The schema of files for `command`, made of the same help that `--help` shows.
pub fn schema(command: &Command) -> Value {
    let properties: Map<String, Value> = super::keys(command)
        .map(|(key, option)| {
            let mut property = property(option);
            if let (Some(help), Value::Object(fields)) = (option.get_help(), &mut property) {
                fields.insert("description".into(), help.to_string().into());
            }
            (key.to_owned(), property)
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("nicvmm {}", command.get_name()),
        "description": format!(
            "Options of `nicvmm {0}`, for `nicvmm {0} --config FILE.toml`", command.get_name()
        ),
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn property(option: &Arg) -> Value {
    let one = one(option);
    match option.get_action() {
        ArgAction::SetTrue => json!({ "type": "boolean" }),
        ArgAction::Append => json!({ "anyOf": [{ "type": "array", "items": one }, one] }),
        _ => one,
    }
}

/// One value of an option.
fn one(option: &Arg) -> Value {
    let choices: Vec<String> =
        option.get_possible_values().iter().map(|choice| choice.get_name().to_owned()).collect();
    if !choices.is_empty() {
        return json!({ "enum": choices });
    }
    let kind = option.get_value_parser().type_id();
    if is_number(option) {
        json!({ "type": "integer", "minimum": 0 })
    } else if kind == TypeId::of::<Duration>() {
        json!({ "type": ["string", "number"] })
    } else {
        json!({ "type": "string" })
    }
}

/// Whether an option takes a plain number.
pub fn is_number(option: &Arg) -> bool {
    let kind = option.get_value_parser().type_id();
    let numbers =
        [TypeId::of::<u8>(), TypeId::of::<u16>(), TypeId::of::<u32>(), TypeId::of::<u64>()];
    numbers.iter().any(|number| kind == *number)
}
