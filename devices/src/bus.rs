//! Address ranges and the devices behind them.
//!
//! A [`Bus`] maps ranges of one address space (ports or memory) to devices. The vCPU loop hands it
//! every access that left the guest; a write answers with an [`Action`] that the loop carries out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::sync::lock;

/// What the machine has to do because of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Nothing.
    #[default]
    None,
    /// The guest switched itself off.
    PowerOff,
    /// The guest asked for a reset.
    Reset,
    /// The guest reported that its kernel panicked.
    Panicked,
    /// A PCI function's BARs or its decoding changed: map it again.
    LayoutChanged,
    /// The function has frames to move, or room for more: run its worker.
    Service,
}

/// Something that answers accesses to a range of ports or memory.
///
/// `offset` counts from the start of the range. `data` is 1, 2, 4 or 8 bytes, little endian, and
/// lies within the range.
pub trait Device: Send {
    /// Answers a read by filling `data`.
    fn read(&mut self, offset: u64, data: &mut [u8]);
    /// Takes a write.
    fn write(&mut self, offset: u64, data: &[u8]) -> Action;
}

/// What a bus holds, shared with whoever else drives it: a device behind a lock, or something that has
/// no state to lock and passes accesses on.
pub trait Responder: Send + Sync {
    /// As [`Device::read`].
    fn read(&self, offset: u64, data: &mut [u8]);
    /// As [`Device::write`].
    fn write(&self, offset: u64, data: &[u8]) -> Action;
}

impl<D: Device> Responder for Mutex<D> {
    fn read(&self, offset: u64, data: &mut [u8]) {
        lock(self).read(offset, data);
    }

    fn write(&self, offset: u64, data: &[u8]) -> Action {
        lock(self).write(offset, data)
    }
}

/// Why a range could not be put on a bus.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("bus range {base:#x}+{length:#x} is empty, wraps or overlaps another")]
pub struct RangeError {
    /// First address of the refused range.
    pub base: u64,
    /// Its length in addresses.
    pub length: u64,
}

/// One address space.
#[derive(Default)]
pub struct Bus {
    ranges: BTreeMap<u64, (u64, Arc<dyn Responder>)>,
}

impl Bus {
    /// Puts `device` at `base..base + length`.
    pub fn insert(
        &mut self,
        base: u64,
        length: u64,
        device: Arc<dyn Responder>,
    ) -> Result<(), RangeError> {
        let refused = RangeError { base, length };
        let end =
            base.checked_add(length).filter(|_| length > 0).ok_or(RangeError { base, length })?;
        let overlaps = self.ranges.range(..end).next_back().is_some_and(|(b, (l, _))| b + l > base);
        if overlaps {
            return Err(refused);
        }
        self.ranges.insert(base, (length, device));
        Ok(())
    }

    /// Takes away the range that starts at `base`.
    pub fn remove(&mut self, base: u64) -> bool {
        self.ranges.remove(&base).is_some()
    }

    fn find(&self, address: u64, size: usize) -> Option<(u64, &dyn Responder)> {
        let (base, (length, device)) = self.ranges.range(..=address).next_back()?;
        let offset = address - base;
        (offset.checked_add(size as u64)? <= *length).then_some((offset, device.as_ref()))
    }

    /// Reads; an access that no device answers reads as all ones.
    pub fn read(&self, address: u64, data: &mut [u8]) {
        match self.find(address, data.len()) {
            Some((offset, device)) => device.read(offset, data),
            None => data.fill(0xff),
        }
    }

    /// Writes; an access that no device answers is lost.
    pub fn write(&self, address: u64, data: &[u8]) -> Action {
        match self.find(address, data.len()) {
            Some((offset, device)) => device.write(offset, data),
            None => Action::None,
        }
    }
}
