//! Configuration mechanism #1: an address register at port 0xcf8, its data window at 0xcfc.
//!
//! PCI Local Bus 3.0, section 3.2.2.3.2. One bus, single-function devices.

use std::sync::Arc;

use crate::bus::{Action, Device};

/// Device numbers on a bus.
pub const SLOTS: usize = 32;

/// Offset of the data window from the address register.
const DATA: u64 = 4;
const ENABLE: u32 = 1 << 31;

/// Whoever answers for a slot's configuration space.
pub trait Target: Send + Sync {
    /// Reads 1, 2 or 4 bytes at `offset`.
    fn read_config(&self, offset: usize, data: &mut [u8]);
    /// Writes 1, 2 or 4 bytes at `offset`.
    fn write_config(&self, offset: usize, data: &[u8]) -> Action;
}

/// The eight ports from 0xcf8.
#[derive(Default)]
pub struct ConfigurationPorts {
    address: u32,
    targets: [Option<Arc<dyn Target>>; SLOTS],
}

impl ConfigurationPorts {
    /// Ports it takes.
    pub const LENGTH: u64 = 8;

    /// Puts `target` into `slot`, in place of what was there. Slots beyond the bus are ignored.
    pub fn insert(&mut self, slot: usize, target: Arc<dyn Target>) {
        if let Some(place) = self.targets.get_mut(slot) {
            *place = Some(target);
        }
    }

    /// The target and the offset that an access at `offset` of the ports means.
    fn selected(&self, offset: u64) -> Option<(&Arc<dyn Target>, usize)> {
        let (bus, function) = (self.address >> 16 & 0xff, self.address >> 8 & 7);
        if self.address & ENABLE == 0 || bus != 0 || function != 0 || offset < DATA {
            return None;
        }
        let slot = self.address >> 11 & 0x1f;
        let register = (self.address & 0xfc) as usize + (offset - DATA) as usize;
        self.targets[slot as usize].as_ref().map(|target| (target, register))
    }
}

impl Device for ConfigurationPorts {
    fn read(&mut self, offset: u64, data: &mut [u8]) {
        if offset == 0 && data.len() == 4 {
            data.copy_from_slice(&self.address.to_le_bytes());
        } else if let Some((target, register)) = self.selected(offset) {
            target.read_config(register, data);
        } else {
            data.fill(0xff);
        }
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Action {
        if let (0, [a, b, c, d]) = (offset, data) {
            self.address = u32::from_le_bytes([*a, *b, *c, *d]);
            return Action::None;
        }
        match self.selected(offset) {
            Some((target, register)) => target.write_config(register, data),
            None => Action::None,
        }
    }
}
