//! MSI-X: the capability, the table and the pending bits.
//!
//! Layout behind its BAR: the table at [`TABLE_OFFSET`], the pending bits at [`PENDING_OFFSET`].
//!
//! Each vector has a lock of its own, so that threads which send different ones do not meet.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use super::config::Configuration;
use crate::interrupt::{Message, Messages};
use crate::sync::lock;

/// Capability ID.
pub const ID: u8 = 0x11;
/// Where the table lies behind the BAR.
pub const TABLE_OFFSET: u64 = 0;
/// Where the pending bits lie behind the BAR.
pub const PENDING_OFFSET: u64 = 0x800;
/// Bytes of BAR that table and pending bits need.
pub const BAR_SIZE: u64 = 0x1000;
/// The most vectors the layout holds.
pub const MAX_VECTORS: u16 = 128;
/// A vector number that stands for none.
pub const NO_VECTOR: u16 = 0xffff;

const ENABLE: u16 = 1 << 15;
const FUNCTION_MASK: u16 = 1 << 14;
const ENTRY: usize = 16;
const ENTRY_MASKED: u32 = 1;

/// An entry of the table, and its pending bit.
#[derive(Clone, Copy)]
struct Entry {
    words: [u32; 4],
    pending: bool,
}

impl Entry {
    const RESET: Self = Self { words: [0, 0, 0, ENTRY_MASKED], pending: false };
}

/// The MSI-X state of a function.
pub struct Msix {
    capability: usize,
    entries: Vec<Mutex<Entry>>,
    control: AtomicU16,
    sink: Arc<dyn Messages>,
}

impl Msix {
    /// Adds the capability, with table and pending bits behind memory BAR `bar`.
    /// `None` if configuration space is full or `vectors` is 0 or above [`MAX_VECTORS`].
    pub fn new(
        configuration: &mut Configuration,
        bar: u8,
        vectors: u16,
        sink: Arc<dyn Messages>,
    ) -> Option<Self> {
        if vectors == 0 || vectors > MAX_VECTORS {
            return None;
        }
        let mut body = [0u8; 10];
        body[0..2].copy_from_slice(&(vectors - 1).to_le_bytes());
        body[2..6].copy_from_slice(&(TABLE_OFFSET as u32 | u32::from(bar)).to_le_bytes());
        body[6..10].copy_from_slice(&(PENDING_OFFSET as u32 | u32::from(bar)).to_le_bytes());
        let capability =
            configuration.add_capability(ID, &body, &(ENABLE | FUNCTION_MASK).to_le_bytes())?;
        Some(Self {
            capability,
            entries: (0..vectors).map(|_| Mutex::new(Entry::RESET)).collect(),
            control: AtomicU16::new(0),
            sink,
        })
    }

    /// Whether the guest switched it on.
    pub fn enabled(&self) -> bool {
        self.control.load(Ordering::SeqCst) & ENABLE != 0
    }

    /// Number of vectors.
    pub fn vectors(&self) -> u16 {
        self.entries.len() as u16
    }

    /// To be called after each write to configuration space.
    pub fn configuration_written(&self, configuration: &Configuration) {
        let control = configuration.u16(self.capability + 2);
        if self.control.swap(control, Ordering::SeqCst) != control {
            for (vector, entry) in self.entries.iter().enumerate() {
                self.program(vector, &mut lock(entry));
            }
        }
    }

    /// Reads the table or the pending bits.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        for (index, byte) in data.iter_mut().enumerate() {
            *byte = self.byte(offset as usize + index);
        }
    }

    fn byte(&self, at: usize) -> u8 {
        if let Some(entry) = self.entries.get(at / ENTRY) {
            return lock(entry).words[at % ENTRY / 4].to_le_bytes()[at % 4];
        }
        let Some(first) = at.checked_sub(PENDING_OFFSET as usize).map(|byte| byte * 8) else {
            return 0;
        };
        (0..8)
            .filter(|bit| self.entries.get(first + bit).is_some_and(|entry| lock(entry).pending))
            .fold(0, |bits, bit| bits | 1 << bit)
    }

    /// Writes the table. Only aligned 4 or 8 byte writes count, as the specification asks.
    pub fn write(&self, offset: u64, data: &[u8]) {
        if !data.len().is_multiple_of(4) || !offset.is_multiple_of(4) {
            return;
        }
        for (index, chunk) in data.chunks_exact(4).enumerate() {
            let at = offset as usize + 4 * index;
            let Some(entry) = self.entries.get(at / ENTRY) else {
                continue;
            };
            let mut entry = lock(entry);
            let word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
            entry.words[at % ENTRY / 4] = word;
            self.program(at / ENTRY, &mut entry);
        }
    }

    fn open(&self, entry: &Entry) -> bool {
        self.control.load(Ordering::SeqCst) & (ENABLE | FUNCTION_MASK) == ENABLE
            && entry.words[3] & ENTRY_MASKED == 0
    }

    fn program(&self, vector: usize, entry: &mut Entry) {
        let [low, high, data, _] = entry.words;
        let message = Message { address: u64::from(low) | u64::from(high) << 32, data };
        let open = self.open(entry);
        self.sink.program(vector as u16, open.then_some(message));
        if open && std::mem::take(&mut entry.pending) {
            self.sink.send(vector as u16);
        }
    }

    /// Sends `vector`, or marks it pending while it is masked. [`NO_VECTOR`] and vectors beyond
    /// the table are ignored.
    pub fn send(&self, vector: u16) {
        let Some(entry) = self.entries.get(usize::from(vector)) else { return };
        let mut entry = lock(entry);
        if self.open(&entry) {
            self.sink.send(vector);
        } else {
            entry.pending = true;
        }
    }

    /// Back to power-on state. The configuration space is reset by its owner.
    pub fn reset(&self) {
        self.control.store(0, Ordering::SeqCst);
        for (vector, entry) in self.entries.iter().enumerate() {
            let mut entry = lock(entry);
            *entry = Entry::RESET;
            self.program(vector, &mut entry);
        }
    }
}

#[cfg(test)]
#[path = "msix_tests.rs"]
mod tests;
