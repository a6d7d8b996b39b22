//! ACPI general-purpose events: what wakes a guest that sleeps, beside its power button.
//!
//! | offset | register |
//! |---|---|
//! | 0 | GPE0_STS: an event happened; cleared by writing a one |
//! | 1 | GPE0_EN: it interrupts, and wakes |
//!
//! ACPI 6.4, section 4.8.4.1. The system control interrupt is asserted while an enabled event
//! stands.

use std::sync::Arc;

use crate::bus::{Action, Device};
use crate::interrupt::Line;

/// The event that PME# of any PCI function is.
pub const PME_EVENT: u8 = 0;

const STATUS: u64 = 0;
const ENABLE: u64 = 1;

/// The registers; eight events.
pub struct GeneralEvents {
    status: u8,
    enable: u8,
    line: Arc<dyn Line>,
}

impl GeneralEvents {
    /// Ports they take.
    pub const LENGTH: u64 = 2;

    /// Events that interrupt by `line`.
    pub fn new(line: Arc<dyn Line>) -> Self {
        Self { status: 0, enable: 0, line }
    }

    /// Event `number` happens, if there is one of this number.
    pub fn raise(&mut self, number: u8) {
        self.status |= 1u8.checked_shl(number.into()).unwrap_or(0);
        self.settle();
    }

    fn settle(&self) {
        self.line.set(self.status & self.enable != 0);
    }
}

impl Device for GeneralEvents {
    fn read(&mut self, offset: u64, data: &mut [u8]) {
        let registers = [self.status, self.enable];
        for (byte, at) in data.iter_mut().zip(offset..) {
            *byte = registers.get(at as usize).copied().unwrap_or(0);
        }
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Action {
        for (value, at) in data.iter().zip(offset..) {
            match at {
                STATUS => self.status &= !value,
                ENABLE => self.enable = *value,
                _ => {}
            }
        }
        self.settle();
        Action::None
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
