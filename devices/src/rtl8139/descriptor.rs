//! The descriptors of C+ mode: 16 bytes, four little-endian words.
//!
//! Word 0 carries ownership, commands and status; word 1 the VLAN tag; words 2 and 3 the address
//! of the buffer. (Layouts: Linux and BSD drivers, and QEMU as measured.)

use crate::memory::{DmaError, DmaMemory};

/// Bytes of a descriptor.
pub const SIZE: u64 = 16;
/// The most descriptors that a ring can have.
pub const RING: u32 = 64;

/// Word 0: the NIC owns the descriptor.
pub const OWN: u32 = 1 << 31;
/// Word 0: the ring starts over after this one.
pub const END_OF_RING: u32 = 1 << 30;
/// Word 0: a frame starts here.
pub const FIRST: u32 = 1 << 29;
/// Word 0: a frame ends here.
pub const LAST: u32 = 1 << 28;

/// A descriptor, read once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Where it lies.
    pub address: u64,
    /// Word 0: ownership and commands.
    pub command: u32,
    /// Word 1: the VLAN tag.
    pub tag: u32,
    /// Where its buffer lies.
    pub buffer: u64,
}

impl Descriptor {
    /// Reads the descriptor at `address`: ownership first, and nothing more if it is not ours.
    pub fn fetch(memory: &DmaMemory, address: u64) -> Result<Option<Self>, DmaError> {
        let command = memory.read_u32(address)?;
        if command & OWN == 0 {
            return Ok(None);
        }
        let mut rest = [0; 12];
        memory.read(address.wrapping_add(4), &mut rest)?;
        let word = |at: usize| {
            rest.get(at..at + 4).map_or(0, |w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]))
        };
        let buffer = u64::from(word(8)) << 32 | u64::from(word(4));
        Ok(Some(Self { address, command, tag: word(0), buffer }))
    }
}

/// Where descriptor `index` of the ring at `ring` lies.
pub fn address(ring: u64, index: u32) -> u64 {
    ring.wrapping_add(u64::from(index) * SIZE)
}

/// The index after `index`, whose descriptor has word 0 `command`.
pub fn next(index: u32, command: u32) -> u32 {
    if command & END_OF_RING != 0 { 0 } else { index.wrapping_add(1) % RING }
}
