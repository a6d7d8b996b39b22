//! The test card's message vector: sent by each ring of the doorbell, held back while masked.

use crate::card::Card;
use crate::command_line::CommandLine;
use crate::contract::FIRST_VECTOR;
use crate::facts::note;
use crate::msix::Table;
use crate::time::wait_for;
use crate::{apic, interrupts};

const VECTOR: u8 = FIRST_VECTOR + 2;

pub fn run(_: &CommandLine) {
    apic::enable();
    let card = Card::find();
    let table = Table::enable(card.function);
    table.route(0, VECTOR);

    card.ring();
    note("sent", wait_for(|| interrupts::count(VECTOR) == 1));
    apic::end_of_interrupt();

    table.mask(0, true);
    card.ring();
    note("masked.fence", card.heard(2));
    note("masked.count", interrupts::count(VECTOR));
    note("masked.pending", table.pending(0));

    table.mask(0, false);
    note("unmasked", wait_for(|| interrupts::count(VECTOR) == 2));
    note("unmasked.pending", table.pending(0));
    apic::end_of_interrupt();
}
