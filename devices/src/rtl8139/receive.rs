//! The C+ receive ring.
//!
//! A frame goes into as many descriptors' buffers as it needs, followed by its FCS; then the tags
//! are written, then the words 0 with the status, the last descriptor's first: a driver that sees
//! that it owns the first part of a frame owns all of it. `verdict` says what the checksums were
//! worth.

use super::descriptor::{self, Descriptor, END_OF_RING, FIRST, LAST, OWN, RING};
use super::filter::Match;
use super::quirks::Quirks;
use super::verdict::verdict;
use crate::ethernet::headers::{ETHERTYPE_AT, TAG, VLAN};
use crate::memory::{DmaError, DmaMemory};

/// The least bytes of a frame on an Ethernet wire, without FCS.
pub const LEAST_FRAME: usize = 60;
const FCS: usize = 4;
const ZEROS: [u8; LEAST_FRAME] = [0; LEAST_FRAME];

/// Word 0: bytes in the buffer; in the status of the last descriptor, bytes of the frame with its
/// FCS.
const LENGTH: u32 = 0x1fff;
const MULTICAST: u32 = 1 << 26;
const PHYSICAL: u32 = 1 << 25;
const BROADCAST: u32 = 1 << 24;
/// Word 0, RWT: the frame has more than 4096 bytes with its FCS. The frame is good nevertheless.
const WATCHDOG: u32 = 1 << 21;
const WATCHDOG_LENGTH: usize = 4096;
/// Word 1: a tag was taken out of the frame and stands in the lower half.
const TAG_AVAILABLE: u32 = 1 << 16;

/// What is wanted done to frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Take 802.1Q tags out.
    pub strip_tags: bool,
    /// Look at checksums.
    pub check: bool,
    /// What to get wrong.
    pub quirks: Quirks,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The guest has it.
    Done,
    /// The guest has no descriptor for it.
    NoDescriptor,
    /// It is longer than a frame can be, or than all buffers that it could go into.
    TooLong,
}

/// A frame as it goes into buffers.
struct Layout<'f> {
    parts: [&'f [u8]; 3],
    fcs: [u8; FCS],
    tag: Option<u16>,
    length: usize,
}

impl<'f> Layout<'f> {
    fn new(frame: &'f [u8], wanted: &Wanted) -> Self {
        let padding = &ZEROS[frame.len().min(LEAST_FRAME)..];
        let mut crc = crc32fast::Hasher::new();
        crc.update(frame);
        if !wanted.quirks.fcs_skips_padding {
            crc.update(padding);
        }
        let fcs = crc.finalize().to_le_bytes();
        let whole = frame.len() + padding.len();
        let tag = if wanted.strip_tags { tag(frame) } else { None };
        if tag.is_none() {
            return Self { parts: [frame, padding, &[]], fcs, tag, length: whole };
        }
        let least = if wanted.quirks.pads_stripped { LEAST_FRAME } else { 0 };
        let length = (whole - TAG).max(least);
        let (front, rest) = frame.split_at(ETHERTYPE_AT);
        let rest = rest.get(TAG..).unwrap_or_default();
        let padding = &ZEROS[..length - front.len() - rest.len()];
        Self { parts: [front, rest, padding], fcs, tag, length }
    }

    fn with_fcs(&self) -> usize {
        self.length + FCS
    }
}

/// The ring's state.
#[derive(Debug, Default)]
pub struct Receiver {
    /// Index of the next descriptor.
    pub next: u32,
    /// The descriptors of a frame.
    found: Vec<Descriptor>,
}

impl Receiver {
    /// Back to the ring's first descriptor.
    pub fn restart(&mut self) {
        self.next = 0;
    }

    /// Puts `frame` into the ring at `ring`.
    pub fn deliver(
        &mut self,
        memory: &DmaMemory,
        ring: u64,
        frame: &[u8],
        wanted: Wanted,
        to: Match,
    ) -> Result<Delivery, DmaError> {
        let layout = Layout::new(frame, &wanted);
        let next = match self.find(memory, ring, layout.with_fcs(), &wanted.quirks) {
            Ok(Ok(next)) => next,
            Ok(Err(delivery)) => return Ok(delivery),
            Err(_) if wanted.quirks.ignores_faults => return Ok(Delivery::NoDescriptor),
            Err(error) => return Err(error),
        };
        let written = self.write(memory, &layout);
        if !wanted.quirks.ignores_faults {
            written?;
        }
        let found = if wanted.check { verdict(frame) } else { 0 };
        self.give_back(memory, &layout, address_bit(to) | found, wanted.quirks)?;
        self.next = next;
        Ok(Delivery::Done)
    }

    /// Finds descriptors with room for `length` bytes. Answers the index behind them; looks at no
    /// more than a ring can have.
    fn find(
        &mut self,
        memory: &DmaMemory,
        ring: u64,
        length: usize,
        quirks: &Quirks,
    ) -> Result<Result<u32, Delivery>, DmaError> {
        self.found.clear();
        let mut index = self.next;
        let mut room = 0;
        loop {
            let address = descriptor::address(ring, index);
            let Some(descriptor) = Descriptor::fetch(memory, address)? else {
                return Ok(Err(Delivery::NoDescriptor));
            };
            self.found.push(descriptor);
            room += size(descriptor);
            index = match descriptor.command & END_OF_RING {
                0 if quirks.endless_receive_ring => index.wrapping_add(1),
                _ => descriptor::next(index, descriptor.command),
            };
            if length > LENGTH as usize {
                return Ok(Err(Delivery::TooLong));
            }
            if length <= room {
                return Ok(Ok(index));
            }
            let lapped = self.found.len() >= RING as usize || index == self.next;
            if quirks.one_receive_descriptor || lapped {
                return Ok(Err(Delivery::TooLong));
            }
        }
    }

    /// Writes the frame and its FCS into the buffers found.
    fn write(&self, memory: &DmaMemory, layout: &Layout<'_>) -> Result<(), DmaError> {
        let mut buffers = self.found.iter();
        let (mut at, mut room) = (0, 0);
        let mut result = Ok(());
        for part in layout.parts.into_iter().chain([&layout.fcs[..]]) {
            let mut rest = part;
            while !rest.is_empty() {
                if room == 0 {
                    let Some(descriptor) = buffers.next() else { return result };
                    (at, room) = (descriptor.buffer, size(*descriptor));
                }
                let (now, later) = rest.split_at(room.min(rest.len()));
                result = result.and(memory.write(at, now));
                at = at.wrapping_add(now.len() as u64);
                room -= now.len();
                rest = later;
            }
        }
        result
    }

    /// Writes tags and status, the last descriptor's first.
    fn give_back(
        &self,
        memory: &DmaMemory,
        layout: &Layout<'_>,
        status: u32,
        quirks: Quirks,
    ) -> Result<(), DmaError> {
        let last = self.found.len().saturating_sub(1);
        let long = layout.with_fcs() > WATCHDOG_LENGTH && !quirks.ignores_receive_checksums;
        for (number, descriptor) in self.found.iter().enumerate().rev() {
            let tag = match layout.tag {
                Some(tci) => {
                    descriptor.tag & 0xffff_0000 | TAG_AVAILABLE | u32::from(tci.swap_bytes())
                }
                None => descriptor.tag & !TAG_AVAILABLE,
            };
            memory.write_u32(descriptor.address.wrapping_add(4), tag)?;
            let kept = if quirks.keeps_status { !(OWN | LENGTH) } else { END_OF_RING };
            let mut word = descriptor.command & kept | status;
            word |= if number == 0 { FIRST } else { 0 };
            word |= if number == last {
                LAST | layout.with_fcs() as u32
            } else {
                size(*descriptor) as u32
            };
            word |= if long { WATCHDOG } else { 0 };
            memory.write_u32(descriptor.address, word)?;
        }
        Ok(())
    }
}

fn size(descriptor: Descriptor) -> usize {
    (descriptor.command & LENGTH) as usize
}

fn address_bit(to: Match) -> u32 {
    match to {
        Match::Other => 0,
        Match::Broadcast => BROADCAST,
        Match::Multicast => MULTICAST,
        Match::Physical => PHYSICAL,
    }
}

/// The tag (TCI) of a frame that has one. What a short frame lacks is padding.
fn tag(frame: &[u8]) -> Option<u16> {
    let tci = |at: usize| frame.get(at).copied().unwrap_or_default();
    let tagged = frame.get(ETHERTYPE_AT..ETHERTYPE_AT + 2)? == VLAN.to_be_bytes();
    tagged.then(|| u16::from_be_bytes([tci(ETHERTYPE_AT + 2), tci(ETHERTYPE_AT + 3)]))
}

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
