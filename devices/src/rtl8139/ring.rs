//! The C mode receive ring: frames one behind the other in a buffer of the driver's.
//!
//! Each frame has a header of four bytes, status and length, then its bytes and its FCS, and starts
//! at a multiple of four. The chip moves the write pointer (CBR), the driver the read pointer
//! (CAPR, which stands 16 bytes behind). A frame that reaches the end goes on at the start, unless
//! the driver left slack behind the ring (RCR.WRAP). The ring is empty when the pointers meet, so
//! it never gets full.

use super::filter::Match;
use super::register_file::Registers;
use super::registers::Reg;
use crate::memory::{DmaError, DmaMemory};

/// RCR bit 7, WRAP: frames go on behind the end of the ring.
const RCR_WRAP: u32 = 1 << 7;
/// RCR bits 12:11, RBLEN: 8 KiB, 16 KiB, 32 KiB or 64 KiB.
const RCR_LENGTH_SHIFT: u32 = 11;
const SMALLEST: u32 = 8192;
/// A ring of this size wraps whatever RCR.WRAP says.
const LARGEST: u32 = 65536;
/// How far CAPR stands behind the read pointer.
const CAPR_BEHIND: u32 = 16;
/// CR bit 0, BUFE: the ring is empty.
const CR_EMPTY: u32 = 1 << 0;
/// Bytes of the header.
const HEADER: usize = 4;
/// Bytes of the FCS.
const FCS: usize = 4;

/// Header bit 0: the frame is good.
pub const GOOD: u32 = 1 << 0;
/// Header bit 3: the frame is longer than 4096 bytes with its FCS.
pub const LONG: u32 = 1 << 3;
/// Header bit 4: the frame is shorter than 64 bytes with its FCS.
pub const RUNT: u32 = 1 << 4;
const BROADCAST: u32 = 1 << 13;
const PHYSICAL: u32 = 1 << 14;
const MULTICAST: u32 = 1 << 15;

/// The header bit that tells to what kind of address a frame came.
pub fn address_bit(to: Match) -> u32 {
    match to {
        Match::Other => 0,
        Match::Broadcast => BROADCAST,
        Match::Physical => PHYSICAL,
        Match::Multicast => MULTICAST,
    }
}

/// Bytes that a frame takes up in the ring, FCS left out of `length`.
pub fn needed(length: usize) -> usize {
    (length + HEADER + FCS).next_multiple_of(4)
}

/// The ring's state. The registers follow it.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    size: u32,
    read: u32,
    write: u32,
}

impl Default for Ring {
    fn default() -> Self {
        Self { size: SMALLEST, read: 0, write: 0 }
    }
}

impl Ring {
    /// The size that RCR asks for.
    pub fn size_of(rcr: u32) -> u32 {
        SMALLEST << (rcr >> RCR_LENGTH_SHIFT & 3)
    }

    /// Its size now.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Empties the ring, which has `size` bytes from now on.
    pub fn restart(&mut self, registers: &mut Registers, size: u32) {
        *self = Self { size, read: 0, write: 0 };
        self.show(registers);
    }

    /// Takes a value written to CAPR.
    pub fn consumed(&mut self, registers: &mut Registers, capr: u32) {
        self.read = capr.wrapping_add(CAPR_BEHIND) % self.size;
        self.show(registers);
    }

    /// Brings CAPR, CBR and CR.BUFE in line.
    pub fn show(&self, registers: &mut Registers) {
        registers.set(Reg::Capr, self.read.wrapping_sub(CAPR_BEHIND) & 0xffff);
        registers.set(Reg::Cbr, self.write & 0xffff);
        let empty = if self.used() == 0 { CR_EMPTY } else { 0 };
        registers.set(Reg::Cr, registers.get(Reg::Cr) & !CR_EMPTY | empty);
    }

    fn used(&self) -> u32 {
        (self.size + self.write - self.read) % self.size
    }

    /// Whether the driver has read all there was.
    pub fn is_empty(&self) -> bool {
        self.used() == 0
    }

    /// Bytes from the write pointer to the read pointer.
    pub fn free(&self) -> usize {
        (self.size - self.used()) as usize
    }

    /// Appends a frame with the given header bits, `padding` zeros and FCS; the caller saw that
    /// there is room. Nothing changes if memory is out of reach, unless it is `forgiven`.
    pub fn deliver(
        &mut self,
        memory: &DmaMemory,
        registers: &mut Registers,
        frame: &[u8],
        padding: &[u8],
        bits: u32,
        forgiven: bool,
    ) -> Result<(), DmaError> {
        let length = (frame.len() + padding.len() + FCS) as u32;
        let mut crc = crc32fast::Hasher::new();
        crc.update(frame);
        crc.update(padding);
        let header = (bits | length << 16).to_le_bytes();
        let fcs = crc.finalize().to_le_bytes();
        let mut next = *self;
        let rcr = registers.get(Reg::Rcr);
        let wraps = rcr & RCR_WRAP == 0 || self.size >= LARGEST;
        let base = registers.get(Reg::Rbstart);
        for part in [&header[..], frame, padding, &fcs[..]] {
            let appended = next.append(memory, base, wraps, part);
            if !forgiven {
                appended?;
            }
        }
        next.write = next.write.next_multiple_of(4) % next.size;
        *self = next;
        self.show(registers);
        Ok(())
    }

    /// Writes `part`, in two pieces if it reaches the end of a ring that wraps.
    fn append(
        &mut self,
        memory: &DmaMemory,
        base: u32,
        wraps: bool,
        part: &[u8],
    ) -> Result<(), DmaError> {
        let end = self.write + part.len() as u32;
        let over = end % self.size;
        let split = if wraps && end > self.size && over > 0 {
            part.len().saturating_sub(over as usize)
        } else {
            part.len()
        };
        let (here, there) = part.split_at(split);
        let mut result = Ok(());
        if !here.is_empty() {
            result = memory.write(u64::from(base.wrapping_add(self.write)), here);
        }
        self.write = end;
        if !there.is_empty() {
            result = result.and(memory.write(u64::from(base), there));
            self.write = over;
        }
        result
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
