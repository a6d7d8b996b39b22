//! Sizes the test card's BARs, moves them, and looks for the registers in the old and the new place.

use crate::card::Card;
use crate::command_line::CommandLine;
use crate::contract::card;
use crate::facts::note;
use crate::{io, pci};

/// A place for the memory BAR that firmware does not use.
const NEW_MEMORY: u64 = 0xe123_4000;
/// A place for the I/O BAR that firmware does not use.
const NEW_PORTS: u16 = 0xd400;
const MARK: u32 = 0x1234_5678;

fn register(name: &str, value: u32) {
    note(name, format_args!("{value:#010x}"));
}

pub fn run(_: &CommandLine) {
    let old = Card::find();
    let function = old.function;
    register("size.ports", function.probe_bar(card::IO_BAR));
    register("size.memory", function.probe_bar(card::MEMORY_BAR));
    register("size.absent", function.probe_bar(pci::BARS - 1));

    old.write(card::SCRATCH, MARK);
    register("before.memory", old.read(card::SCRATCH));
    register("before.ports", io::in32(old.ports + card::SCRATCH as u16));
    old.ring();
    note("before.rang", old.heard(1));

    function.move_bar(card::MEMORY_BAR, NEW_MEMORY);
    function.move_bar(card::IO_BAR, u64::from(NEW_PORTS));
    let new = Card { memory: NEW_MEMORY, ports: NEW_PORTS, ..old };
    register("moved.old.memory", old.read(card::SCRATCH));
    register("moved.old.ports", io::in32(old.ports + card::SCRATCH as u16));
    register("moved.new.memory", new.read(card::SCRATCH));
    register("moved.new.ports", io::in32(new.ports + card::SCRATCH as u16));

    // The doorbells moved along: the old ones are silent, the new ones ring.
    old.ring();
    old.ring_by_port();
    new.ring();
    note("moved.memory.rang", new.heard(2));
    new.ring_by_port();
    note("moved.ports.rang", new.heard(3));

    function.set_command(0);
    register("disabled.memory", new.read(card::SCRATCH));
    register("disabled.ports", io::in32(new.ports + card::SCRATCH as u16));
    function.set_command(pci::COMMAND_IO | pci::COMMAND_MEMORY);
    register("enabled.memory", new.read(card::SCRATCH));
    note("enabled.rings", new.read(card::RINGS));
}
