//! Guest memory as a bus master sees it.
//!
//! [`DmaMemory`] is the only way a device reaches guest memory. It is closed until the guest sets
//! Bus Master Enable, and it holds RAM alone, so DMA can never reach another device's registers.
//! [`Gather`] is the scatter list of one transfer: pieces of guest memory seen as one run of bytes.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, VolatileSlice};

use crate::ethernet::checksum::Sum;

/// Why a transfer did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DmaError {
    /// Bus Master Enable is clear
    #[error("bus mastering is off")]
    Disabled,
    /// The address is not RAM
    #[error("{length} bytes at {address:#x} are not all RAM")]
    NotRam {
        /// First byte of the transfer.
        address: u64,
        /// Its length in bytes.
        length: usize,
    },
}

/// Guest RAM behind the Bus Master Enable gate of one function.
#[derive(Clone, Debug)]
pub struct DmaMemory {
    ram: GuestMemoryMmap,
    enabled: Arc<AtomicBool>,
}

impl DmaMemory {
    /// RAM with the gate closed.
    pub fn new(ram: GuestMemoryMmap) -> Self {
        Self { ram, enabled: Arc::new(AtomicBool::new(false)) }
    }

    /// Opens or closes the gate (PCI command register, bit 2). Clones share it.
    pub fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
    }

    /// The RAM itself, for crates that want it (virtio-queue); `None` while the gate is closed.
    pub fn ram(&self) -> Option<&GuestMemoryMmap> {
        self.enabled.load(Ordering::Relaxed).then_some(&self.ram)
    }

    /// Whether `length` bytes at `address` are RAM, which can be told while the gate is closed, too.
    pub fn holds(&self, address: u64, length: usize) -> bool {
        self.ram.check_range(GuestAddress(address), length)
    }

    /// A view of `length` bytes at `address`.
    pub fn slice(&self, address: u64, length: usize) -> Result<VolatileSlice<'_>, DmaError> {
        let ram = self.ram().ok_or(DmaError::Disabled)?;
        ram.get_slice(GuestAddress(address), length)
            .map_err(|_| DmaError::NotRam { address, length })
    }

    /// Copies out of guest memory.
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<(), DmaError> {
        let ram = self.ram().ok_or(DmaError::Disabled)?;
        let length = data.len();
        ram.read_slice(data, GuestAddress(address))
            .map_err(|_| DmaError::NotRam { address, length })
    }

    /// Copies into guest memory.
    pub fn write(&self, address: u64, data: &[u8]) -> Result<(), DmaError> {
        let ram = self.ram().ok_or(DmaError::Disabled)?;
        let length = data.len();
        ram.write_slice(data, GuestAddress(address))
            .map_err(|_| DmaError::NotRam { address, length })
    }

    /// Reads a little-endian word, in one access if it is aligned.
    pub fn read_u32(&self, address: u64) -> Result<u32, DmaError> {
        if !address.is_multiple_of(4) {
            let mut bytes = [0; 4];
            self.read(address, &mut bytes)?;
            return Ok(u32::from_le_bytes(bytes));
        }
        let ram = self.ram().ok_or(DmaError::Disabled)?;
        ram.load::<u32>(GuestAddress(address), Ordering::Acquire)
            .map(u32::from_le)
            .map_err(|_| DmaError::NotRam { address, length: 4 })
    }

    /// Writes a little-endian word after everything written before, in one access if it is
    /// aligned.
    pub fn write_u32(&self, address: u64, value: u32) -> Result<(), DmaError> {
        if !address.is_multiple_of(4) {
            return self.write(address, &value.to_le_bytes());
        }
        let ram = self.ram().ok_or(DmaError::Disabled)?;
        ram.store(value.to_le(), GuestAddress(address), Ordering::Release)
            .map_err(|_| DmaError::NotRam { address, length: 4 })
    }
}

/// One run of guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Guest physical address of the first byte.
    pub address: u64,
    /// Bytes.
    pub length: usize,
}

/// Pieces of guest memory, in order, seen as one run of bytes. Keeps its allocation when cleared.
#[derive(Debug, Default)]
pub struct Gather {
    /// Each piece with the offset of its first byte in the run.
    pieces: Vec<(usize, Piece)>,
    length: usize,
}

impl Gather {
    /// Forgets all pieces.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.length = 0;
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Number of pieces, for callers that cap it.
    pub fn pieces_len(&self) -> usize {
        self.pieces.len()
    }

    /// Appends a piece once it is known to be RAM; an empty one is dropped.
    pub fn push(
        &mut self,
        memory: &DmaMemory,
        address: u64,
        length: usize,
    ) -> Result<(), DmaError> {
        if length == 0 {
            return Ok(());
        }
        memory.slice(address, length)?;
        self.pieces.push((self.length, Piece { address, length }));
        self.length += length;
        Ok(())
    }

    /// The pieces that make up `range`, which is cut to what there is.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = Piece> + '_ {
        let first = self.pieces.partition_point(|(at, piece)| at + piece.length <= range.start);
        let pieces = self.pieces.get(first..).unwrap_or_default();
        pieces.iter().take_while(move |(at, _)| *at < range.end).map(move |(at, piece)| {
            let (from, to) = (range.start.max(*at), range.end.min(at + piece.length));
            Piece { address: piece.address + (from - at) as u64, length: to.saturating_sub(from) }
        })
    }

    /// Copies `range` out; returns the bytes copied.
    pub fn copy(
        &self,
        memory: &DmaMemory,
        range: Range<usize>,
        out: &mut [u8],
    ) -> Result<usize, DmaError> {
        let mut done = 0;
        for piece in self.range(range.start..range.end.min(range.start.saturating_add(out.len()))) {
            memory.read(piece.address, &mut out[done..done + piece.length])?;
            done += piece.length;
        }
        Ok(done)
    }

    /// Copies `data` in, from byte `at` on; what does not fit is lost.
    pub fn write(&self, memory: &DmaMemory, at: usize, data: &[u8]) -> Result<(), DmaError> {
        let mut rest = data;
        for piece in self.range(at..at.saturating_add(data.len())) {
            let (now, later) = rest.split_at(piece.length.min(rest.len()));
            memory.write(piece.address, now)?;
            rest = later;
        }
        Ok(())
    }

    /// Goes through it, from byte `from` on.
    pub fn walk<'g>(&'g self, memory: &'g DmaMemory, from: usize) -> Walk<'g> {
        let first = self.pieces.partition_point(|(at, piece)| at + piece.length <= from);
        Walk { memory, pieces: self.pieces.get(first..).unwrap_or_default(), at: from, here: None }
    }

    /// The one's-complement sum of `range`, as if it started at an even offset.
    pub fn sum(&self, memory: &DmaMemory, range: Range<usize>) -> Result<Sum, DmaError> {
        let mut sum = Sum::default();
        let mut walk = self.walk(memory, range.start);
        walk.go(range.len(), |_, bytes| sum.add_volatile(bytes))?;
        Ok(sum)
    }
}

/// A way through a [`Gather`], which looks up each piece once however often it stops in it.
pub struct Walk<'g> {
    memory: &'g DmaMemory,
    /// The first is where it is.
    pieces: &'g [(usize, Piece)],
    at: usize,
    /// The whole of that piece, once it was looked up.
    here: Option<VolatileSlice<'g>>,
}

impl Walk<'_> {
    /// Goes `count` bytes further, or to the end, and shows what lies on the way.
    pub fn go(
        &mut self,
        mut count: usize,
        mut show: impl FnMut(Piece, &VolatileSlice<'_>),
    ) -> Result<(), DmaError> {
        while let [(start, piece), rest @ ..] = self.pieces {
            let offset = self.at - start;
            let length = count.min(piece.length - offset);
            if length == 0 {
                break;
            }
            let Piece { address, length: whole } = *piece;
            let here = match self.here.take() {
                Some(slice) => slice,
                None => self.memory.slice(address, whole)?,
            };
            let part = here.subslice(offset, length);
            let part = part.map_err(|_| DmaError::NotRam { address, length: whole })?;
            show(Piece { address: address + offset as u64, length }, &part);
            self.at += length;
            count -= length;
            if offset + length == whole {
                self.pieces = rest;
            } else {
                self.here = Some(here);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
