//! The test card: a PCI function with little to it, so that a test of the machine tests nothing
//! else.
//!
//! | offset | register | |
//! |---|---|---|
//! | 0x00 | scratch | keeps what is written |
//! | 0x04 | rings | how often the doorbell rang |
//! | 0x08 | level | bit 0 is the level of INTA |
//! | 0x0c | doorbell | a byte 1 rings: counts, and sends message vector 0 if MSI-X is on |
//!
//! BAR 0 shows them as ports, BAR 1 as memory that may be mirrored; BAR 2 holds the MSI-X table.

use std::sync::Arc;

use devices::bus::Action;
use devices::interrupt::Messages;
use devices::pci::config::{Bar, BarKind, Configuration, Identity};
use devices::pci::msix::{self, Msix};
use devices::pci::{Doorbell, Function};

use super::contract::card::{
    DEVICE, DOORBELL, IO_BAR, LENGTH, LEVEL, MEMORY_BAR, MSIX_BAR, RING, RINGS, SCRATCH, VENDOR,
};

const IDENTITY: Identity = Identity {
    vendor: VENDOR,
    device: DEVICE,
    class: [0xff, 0, 0],
    revision: 0,
    subsystem_vendor: VENDOR,
    subsystem: DEVICE,
};

/// A test card.
pub struct Card {
    configuration: Configuration,
    msix: Msix,
    scratch: u32,
    rings: u32,
    level: bool,
}

impl Card {
    /// A card that sends its message vector through `messages`.
    pub fn new(messages: Arc<dyn Messages>) -> Self {
        let mut configuration = Configuration::new(IDENTITY)
            .with_bar(IO_BAR, Bar { kind: BarKind::Io, size: LENGTH })
            .with_bar(MEMORY_BAR, Bar { kind: BarKind::Memory32, size: LENGTH })
            .with_bar(MSIX_BAR, Bar { kind: BarKind::Memory32, size: msix::BAR_SIZE })
            .with_pin(1);
        let msix = Msix::new(&mut configuration, MSIX_BAR as u8, 1, messages)
            .expect("an empty configuration space has room");
        Self { configuration, msix, scratch: 0, rings: 0, level: false }
    }

    fn registers(&self) -> [u8; LENGTH as usize] {
        let mut bytes = [0; LENGTH as usize];
        for (offset, value) in
            [(SCRATCH, self.scratch), (RINGS, self.rings), (LEVEL, u32::from(self.level))]
        {
            bytes[offset as usize..][..4].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }
}

impl Function for Card {
    fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    fn write_config(&mut self, offset: usize, data: &[u8]) -> Action {
        let action = self.configuration.write(offset, data);
        self.msix.configuration_written(&self.configuration);
        action
    }

    fn read_bar(&mut self, bar: usize, offset: u64, data: &mut [u8]) {
        if bar == MSIX_BAR {
            return self.msix.read(offset, data);
        }
        for (index, byte) in data.iter_mut().enumerate() {
            *byte = self.registers().get(offset as usize + index).copied().unwrap_or(0xff);
        }
    }

    fn write_bar(&mut self, bar: usize, offset: u64, data: &[u8]) -> Action {
        if bar == MSIX_BAR {
            self.msix.write(offset, data);
        } else if let Ok(value) = data.try_into().map(u32::from_le_bytes) {
            match offset {
                SCRATCH => self.scratch = value,
                LEVEL => self.level = value & 1 == 1,
                _ => {}
            }
        }
        Action::None
    }

    fn doorbells(&self) -> Vec<Doorbell> {
        [IO_BAR, MEMORY_BAR]
            .map(|bar| Doorbell {
                bar,
                offset: DOORBELL,
                width: 1,
                value: Some(RING.into()),
                id: 0,
            })
            .to_vec()
    }

    fn ring(&mut self, _id: u32) {
        self.rings += 1;
        if self.msix.enabled() {
            self.msix.send(0);
        }
    }

    fn level(&self) -> bool {
        self.level
    }

    fn mirror(&self, bar: usize, page: &mut [u8]) -> bool {
        let registers = self.registers();
        let shown = bar == MEMORY_BAR && page.len() == registers.len();
        if shown {
            page.copy_from_slice(&registers);
        }
        shown
    }

    fn reset(&mut self) {
        self.configuration.reset();
        self.msix.reset();
        (self.scratch, self.rings, self.level) = (0, 0, false);
    }
}
