//! A split ring, worked from the driver's side.

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

pub const NEXT: u16 = 1;
pub const WRITE: u16 = 2;
pub const INDIRECT: u16 = 4;

const RINGS: u64 = 0x1_0000;
const RING_STRIDE: u64 = 0x8000;
const TABLES: u64 = 0x8_0000;
const TABLES_STRIDE: u64 = 0x2_0000;
/// Indirect tables start before this offset, the first ones again after the last one.
const TABLES_LIMIT: u64 = 0x1_0000;

/// One split ring, as the driver sees it.
pub struct Ring {
    ram: GuestMemoryMmap,
    pub descriptors: u64,
    pub available: u64,
    pub used: u64,
    pub size: u16,
    /// Where its indirect tables lie, and the offset of the next one.
    tables: u64,
    table: u64,
    next_descriptor: u16,
    next_available: u16,
    seen: u16,
}

impl Ring {
    pub fn new(ram: GuestMemoryMmap, index: u16, size: u16) -> Self {
        let base = RINGS + RING_STRIDE * u64::from(index);
        ram.write_slice(&vec![0; RING_STRIDE as usize], GuestAddress(base)).unwrap();
        let tables = TABLES + TABLES_STRIDE * u64::from(index);
        let (available, used) = (base + 0x4000, base + 0x6000);
        Self { tables, ..Self::at(ram, [base, available, used], size) }
    }

    /// A ring whose descriptors, available and used part lie at these addresses, and hold zeroes.
    pub fn at(ram: GuestMemoryMmap, [descriptors, available, used]: [u64; 3], size: u16) -> Self {
        Self {
            ram,
            descriptors,
            available,
            used,
            size,
            tables: TABLES,
            table: 0,
            next_descriptor: 0,
            next_available: 0,
            seen: 0,
        }
    }

    fn put16(&self, at: u64, value: u16) {
        self.ram.write_obj(value.to_le(), GuestAddress(at)).unwrap();
    }

    fn get16(&self, at: u64) -> u16 {
        u16::from_le(self.ram.read_obj(GuestAddress(at)).unwrap())
    }

    fn descriptor_at(&self, at: u64, address: u64, length: u32, flags: u16, next: u16) {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&address.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&next.to_le_bytes());
        self.ram.write_slice(&bytes, GuestAddress(at)).unwrap();
    }

    /// Writes one descriptor as it is.
    pub fn descriptor(&self, index: u16, address: u64, length: u32, flags: u16, next: u16) {
        self.descriptor_at(self.descriptors + 16 * u64::from(index), address, length, flags, next);
    }

    /// Makes the chain at `head` available.
    pub fn publish(&mut self, head: u16) {
        self.put16(self.available + 4 + 2 * u64::from(self.next_available % self.size), head);
        self.next_available = self.next_available.wrapping_add(1);
        self.set_available(self.next_available);
    }

    /// Writes the available index as it is.
    pub fn set_available(&self, index: u16) {
        self.put16(self.available + 2, index);
    }

    fn chain(&self, at: impl Fn(usize) -> (u64, u16), buffers: &[(u64, u32, u16)]) {
        for (index, (address, length, flags)) in buffers.iter().enumerate() {
            let more = index + 1 < buffers.len();
            let flags = flags | if more { NEXT } else { 0 };
            let next = if more { at(index + 1).1 } else { 0 };
            self.descriptor_at(at(index).0, *address, *length, flags, next);
        }
    }

    /// Offers a chain of `buffers`, address and length, with `flags` on all; returns its head.
    pub fn offer(&mut self, buffers: &[(u64, u32)], flags: u16) -> u16 {
        self.offer_mixed(&flagged(buffers, flags))
    }

    /// Offers a chain of buffers, each with flags of its own; returns its head.
    pub fn offer_mixed(&mut self, buffers: &[(u64, u32, u16)]) -> u16 {
        let (first, size, base) = (self.next_descriptor, self.size, self.descriptors);
        let place = |index: usize| {
            let slot = (first + index as u16) % size;
            (base + 16 * u64::from(slot), slot)
        };
        self.chain(place, buffers);
        self.next_descriptor = (first + buffers.len() as u16) % size;
        self.publish(first);
        first
    }

    /// Offers a chain in an indirect table of its own; returns its head.
    pub fn offer_indirect(&mut self, buffers: &[(u64, u32)], flags: u16) -> u16 {
        let (table, length) = self.table(&flagged(buffers, flags));
        self.offer_mixed(&[(table, length, INDIRECT)])
    }

    /// Writes an indirect table; returns where it lies and its length.
    pub fn table(&mut self, buffers: &[(u64, u32, u16)]) -> (u64, u32) {
        let (table, length) = (self.tables + self.table, 16 * buffers.len() as u32);
        self.chain(|index| (table + 16 * index as u64, index as u16), buffers);
        self.table = (self.table + u64::from(length)) % TABLES_LIMIT;
        (table, length)
    }

    /// What the device completed since the last call: head and length.
    pub fn take_used(&mut self) -> Vec<(u32, u32)> {
        let mut used = Vec::new();
        while self.seen != self.used_index() {
            let at = self.used + 4 + 8 * u64::from(self.seen % self.size);
            let element: [u32; 2] = self.ram.read_obj(GuestAddress(at)).unwrap();
            used.push((element[0], element[1]));
            self.seen = self.seen.wrapping_add(1);
        }
        used
    }

    pub fn used_index(&self) -> u16 {
        self.get16(self.used + 2)
    }

    pub fn used_flags(&self) -> u16 {
        self.get16(self.used)
    }

    /// Where the device wants a kick.
    pub fn available_event(&self) -> u16 {
        self.get16(self.used + 4 + 8 * u64::from(self.size))
    }

    /// Where the driver wants an interrupt.
    pub fn set_used_event(&self, index: u16) {
        self.put16(self.available + 4 + 2 * u64::from(self.size), index);
    }

    pub fn set_available_flags(&self, flags: u16) {
        self.put16(self.available, flags);
    }
}

fn flagged(buffers: &[(u64, u32)], flags: u16) -> Vec<(u64, u32, u16)> {
    buffers.iter().map(|(address, length)| (*address, *length, flags)).collect()
}
