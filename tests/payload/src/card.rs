//! Driver of the test card: registers behind an I/O and a memory BAR, a doorbell, an interrupt.
//!
//! The card is made by the test crate (`tests/src/bare_metal/card.rs`), which documents it.

use crate::contract::card;
use crate::io;
use crate::pci::{self, Function};
use crate::time::wait_for;

/// The test card.
#[derive(Clone, Copy)]
pub struct Card {
    /// Its place on the bus.
    pub function: Function,
    /// Where its memory BAR lies.
    pub memory: u64,
    /// Where its I/O BAR lies.
    pub ports: u16,
}

impl Card {
    /// Finds it and has it decode both BARs.
    pub fn find() -> Self {
        let function = pci::find(card::VENDOR, card::DEVICE);
        function.set_command(pci::COMMAND_IO | pci::COMMAND_MEMORY);
        let (ports, memory) = (function.bar(card::IO_BAR) as u16, function.bar(card::MEMORY_BAR));
        Self { function, memory, ports }
    }

    /// Reads a register through the memory BAR.
    pub fn read(self, register: u64) -> u32 {
        io::read(self.memory + register)
    }

    /// Writes a register through the memory BAR.
    pub fn write(self, register: u64, value: u32) {
        io::write(self.memory + register, value);
    }

    /// Rings the doorbell of the memory BAR.
    pub fn ring(self) {
        io::write(self.memory + card::DOORBELL, card::RING);
    }

    /// Rings the doorbell of the I/O BAR.
    pub fn ring_by_port(self) {
        io::out8(self.ports + card::DOORBELL as u16, card::RING);
    }

    /// Waits until the card heard its doorbell `rings` times in all; answers whether it did. What
    /// was signalled to the machine's event loop before the last ring has been handled by then.
    pub fn heard(self, rings: u32) -> bool {
        wait_for(|| self.read(card::RINGS) == rings)
    }
}
