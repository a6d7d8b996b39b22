//! The NIC as a PCI function: identity, BARs, doorbell, interrupt line.

use super::control::POLL_NORMAL;
use super::registers::{self, Registers};
use super::{IO_BAR, MEMORY_BAR, Rtl8139};
use crate::bus::Action;
use crate::net::Nic;
use crate::pci::config::{Bar, BarKind, COMMAND_NO_INTX, Configuration, Identity};
use crate::pci::{Doorbell, Function};

const IDENTITY: Identity = Identity {
    vendor: 0x10ec,
    device: 0x8139,
    class: [2, 0, 0],
    // From 0x20 on the chip is a C+.
    revision: 0x20,
    subsystem_vendor: 0x1af4,
    subsystem: 0x1100,
};
const PIN_INTA: u8 = 1;
const TPPOLL: u64 = 0xd9;

/// The configuration space after power-on.
pub fn configuration() -> Configuration {
    let size = registers::SIZE as u64;
    Configuration::new(IDENTITY)
        .with_bar(IO_BAR, Bar { kind: BarKind::Io, size })
        .with_bar(MEMORY_BAR, Bar { kind: BarKind::Memory32, size })
        .with_pin(PIN_INTA)
}

impl Function for Rtl8139 {
    fn configuration(&self) -> &Configuration {
        &self.pci
    }

    fn write_config(&mut self, offset: usize, data: &[u8]) -> Action {
        let action = self.pci.write(offset, data);
        self.memory.set_enabled(self.pci.bus_master());
        action
    }

    fn read_bar(&mut self, _bar: usize, offset: u64, data: &mut [u8]) {
        self.registers.read(offset, data);
    }

    fn write_bar(&mut self, _bar: usize, offset: u64, data: &[u8]) -> Action {
        for write in Registers::split(offset, data) {
            self.written(write);
        }
        self.settle();
        self.after_write()
    }

    fn doorbells(&self) -> Vec<Doorbell> {
        [IO_BAR, MEMORY_BAR]
            .map(|bar| Doorbell {
                bar,
                offset: TPPOLL,
                width: 1,
                value: Some(u64::from(POLL_NORMAL)),
                id: 0,
            })
            .to_vec()
    }

    fn ring(&mut self, _id: u32) {
        self.transmitter.pending = true;
    }

    fn level(&self) -> bool {
        self.interrupting() && self.pci.command() & COMMAND_NO_INTX == 0
    }

    fn mirror(&self, bar: usize, page: &mut [u8]) -> bool {
        if bar != MEMORY_BAR || self.counter_used {
            return false;
        }
        self.registers.read(0, page);
        true
    }

    fn as_nic(&mut self) -> Option<&mut dyn Nic> {
        Some(self)
    }

    fn reset(&mut self) {
        self.pci.reset();
        self.memory.set_enabled(false);
        self.registers.reset(|_| true);
        self.starved = false;
        self.soft_reset();
    }
}
