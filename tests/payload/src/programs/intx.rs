//! The level-triggered line of the test card, through the I/O APIC.

use crate::card::Card;
use crate::command_line::CommandLine;
use crate::contract::{FIRST_VECTOR, card};
use crate::facts::note;
use crate::time::wait_for;
use crate::{apic, interrupts};

const VECTOR: u8 = FIRST_VECTOR + 1;

pub fn run(_: &CommandLine) {
    apic::enable();
    let card = Card::find();
    apic::route_level(card.function.interrupt_pin(), VECTOR);

    card.write(card::LEVEL, 1);
    note("raised", wait_for(|| interrupts::count(VECTOR) == 1));
    note("raised.in-service", apic::in_service(VECTOR));

    // Still high when the interrupt ends: it comes again.
    apic::end_of_interrupt();
    note("ended-high", wait_for(|| interrupts::count(VECTOR) == 2));

    // Low when the interrupt ends: it does not. The doorbell is heard after the end of interrupt
    // was, so by then another interrupt would have been requested.
    card.write(card::LEVEL, 0);
    apic::end_of_interrupt();
    card.ring();
    note("lowered.fence", card.heard(1));
    note("lowered.count", interrupts::count(VECTOR));
    apic::end_of_interrupt();
    card.ring();
    note("quiet.fence", card.heard(2));
    let before = interrupts::count(VECTOR);
    note("quiet.count", before);
    note("quiet.requested", apic::requested(VECTOR));

    card.write(card::LEVEL, 1);
    note("raised-again", wait_for(|| interrupts::count(VECTOR) == before + 1));
    card.write(card::LEVEL, 0);
    apic::end_of_interrupt();
}
