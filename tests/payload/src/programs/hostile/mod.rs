//! A guest that means harm: whatever it can write to a device, it writes, until the machine is ended.
//!
//! `seed` picks the sequence. A round does one thing over and over ([`reach`], [`rings`]): accesses
//! to ports, registers and configuration spaces; BARs over RAM, over each other and over the
//! machine's own registers; drivers' set-ups with rings anywhere; doorbell storms; rubbish where rings
//! may be. Now and then the bus is put in order, lest no device answers any more.
//!
//! Devices write to memory at this guest's bidding, so it may well do away with itself: its stack
//! and code lie where nobody is sent on purpose, but pointers are random. That is its own affair;
//! whoever started it looks at the machine, and starts the next one.

mod reach;
mod rings;

use crate::command_line::CommandLine;
use crate::dice::Dice;
use crate::{apic, interrupts, pci};

/// Memory for rings and rubbish; the payload's own ends before it.
pub const SCRATCH: u64 = 0x80_0000;
/// Its length.
pub const SCRATCH_LENGTH: u64 = 0x80_0000;
/// Things done in a round.
const ROUND: u64 = 200;

pub fn run(command_line: &CommandLine) {
    let mut dice = Dice::new(command_line.get("seed", 1));
    interrupts::take_all();
    apic::enable();
    let functions = || pci::functions().filter(|function| function.slot() != 0);
    let bars = reach::Bars::of_firmware(functions());
    loop {
        apic::end_of_interrupt();
        if dice.once_in(4) {
            bars.restore(functions());
        }
        let Some(function) = functions().nth(dice.below(8) as usize) else { continue };
        match dice.below(10) {
            0 => (0..ROUND).for_each(|_| reach::port(&mut dice)),
            1 => (0..ROUND).for_each(|_| reach::memory(&mut dice)),
            2 => (0..ROUND).for_each(|_| reach::configuration(function, &mut dice)),
            3 => (0..ROUND / 10).for_each(|_| reach::move_bar(function, &mut dice)),
            4 | 5 => (0..ROUND).for_each(|_| reach::register(function, &mut dice)),
            6 => rings::rubbish(&mut dice),
            7 | 8 => rings::drive(function, &mut dice),
            _ => rings::storm(function, &mut dice),
        }
    }
}

/// An address for a device: in the scratch memory mostly, else where there are registers, beyond
/// RAM, or anywhere.
pub fn address(dice: &mut Dice) -> u64 {
    match dice.below(16) {
        0 => 0xc000_0000 + dice.below(0x2_0000), // registers
        1 => dice.pick(&[0xfec0_0000, 0xfee0_0000, 0xfffb_c000]) + dice.below(0x1000),
        2 => dice.below(1 << 32),
        3 => dice.pick(&[u64::MAX - 64, 1 << 32, 1 << 63, 0xffff_ffff, 0x0200_0000 - 8]),
        4 => dice.roll(),
        _ => SCRATCH + dice.below(SCRATCH_LENGTH),
    }
}
