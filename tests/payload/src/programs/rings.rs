//! Rings the test card's doorbells, `count` times each, and waits each time until it was heard.

use crate::card::Card;
use crate::command_line::CommandLine;
use crate::facts::note;

pub fn run(command_line: &CommandLine) {
    let count: u32 = command_line.get("count", 1);
    let card = Card::find();
    for round in 0..count {
        card.ring();
        note("memory", card.heard(2 * round + 1));
        card.ring_by_port();
        note("ports", card.heard(2 * round + 2));
    }
}
