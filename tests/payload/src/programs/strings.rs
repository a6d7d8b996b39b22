//! Moves many elements through ports by one instruction each way.

use crate::command_line::CommandLine;
use crate::contract::{STRING_PORT, STRING_WORDS};
use crate::facts::note;
use crate::io;

pub fn run(_: &CommandLine) {
    let mut bytes = [0; 8];
    io::in8_string(STRING_PORT, &mut bytes);
    note("read", format_args!("{bytes:?}"));
    io::out16_string(STRING_PORT, &STRING_WORDS);
}
