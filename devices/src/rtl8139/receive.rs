//! The C+ receive ring.
//!
//! A frame goes into one descriptor's buffer, followed by its FCS; then the tag is written, then
//! word 0 with the status, which gives the descriptor to the guest. The chip can look at checksums
//! on the way and tell in the status what it found.

use super::descriptor::{self, Descriptor, END_OF_RING, FIRST, LAST};
use super::filter::Match;
use crate::ethernet::checksum::Sum;
use crate::ethernet::headers::{ETHERTYPE_AT, Extent, Head, Network, TAG, TCP, UDP, VLAN, Version};
use crate::memory::{DmaError, DmaMemory};

/// The least bytes of a frame on an Ethernet wire, without FCS.
pub const LEAST_FRAME: usize = 60;
const FCS: usize = 4;

/// Word 0: bytes in the buffer; in the status, bytes of the frame with its FCS.
const LENGTH: u32 = 0x1fff;
const MULTICAST: u32 = 1 << 26;
const PHYSICAL: u32 = 1 << 25;
const BROADCAST: u32 = 1 << 24;
const PROTOCOL_TCP: u32 = 1 << 16;
const PROTOCOL_UDP: u32 = 2 << 16;
const PROTOCOL_IP: u32 = 3 << 16;
const IP_FAILED: u32 = 1 << 15;
const UDP_FAILED: u32 = 1 << 14;
const TCP_FAILED: u32 = 1 << 13;
/// Word 1: a tag was taken out of the frame and stands in the lower half.
const TAG_AVAILABLE: u32 = 1 << 16;

/// What the guest wants done to frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Take 802.1Q tags out.
    pub strip_tags: bool,
    /// Look at checksums.
    pub check: bool,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The guest has it.
    Done,
    /// The guest has no descriptor for it.
    NoDescriptor,
    /// The next descriptor's buffer is too small for it.
    TooLong,
}

/// The ring's state.
#[derive(Debug, Default)]
pub struct Receiver {
    next: u32,
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
        reason: Match,
    ) -> Result<Delivery, DmaError> {
        let Some(descriptor) = Descriptor::fetch(memory, descriptor::address(ring, self.next))?
        else {
            return Ok(Delivery::NoDescriptor);
        };
        let tag = if wanted.strip_tags { tag(frame) } else { None };
        let taken_out = if tag.is_some() { TAG } else { 0 };
        let padding = LEAST_FRAME.saturating_sub(frame.len());
        let length = frame.len() + padding - taken_out + FCS;
        if length > (descriptor.command & LENGTH) as usize {
            return Ok(Delivery::TooLong);
        }
        let (front, rest) = match tag {
            Some(_) => frame.split_at(ETHERTYPE_AT),
            None => (frame, &[][..]),
        };
        let rest = rest.get(taken_out..).unwrap_or_default();
        let mut tail = [0; LEAST_FRAME + FCS];
        let mut crc = crc32fast::Hasher::new();
        crc.update(frame);
        crc.update(&tail[..padding]);
        let tail = &mut tail[..padding + FCS];
        tail[padding..].copy_from_slice(&crc.finalize().to_le_bytes());
        let mut at = descriptor.buffer;
        for part in [front, rest, tail] {
            memory.write(at, part)?;
            at = at.wrapping_add(part.len() as u64);
        }

        let word = match tag {
            Some(tci) => descriptor.tag & 0xffff_0000 | TAG_AVAILABLE | u32::from(tci.swap_bytes()),
            None => descriptor.tag & !TAG_AVAILABLE,
        };
        memory.write_u32(descriptor.address.wrapping_add(4), word)?;
        let found = if wanted.check { found(frame) } else { 0 };
        let kept = descriptor.command & END_OF_RING;
        let status = kept | FIRST | LAST | address_bit(reason) | found | length as u32;
        memory.write_u32(descriptor.address, status)?;
        self.next = descriptor::next(self.next, descriptor.command);
        Ok(Delivery::Done)
    }
}

fn address_bit(reason: Match) -> u32 {
    match reason {
        Match::Promiscuous => 0,
        Match::Broadcast => BROADCAST,
        Match::Multicast => MULTICAST,
        Match::Physical => PHYSICAL,
    }
}

/// The tag (TCI) of a frame that has one.
fn tag(frame: &[u8]) -> Option<u16> {
    match frame.get(ETHERTYPE_AT..ETHERTYPE_AT + TAG)? {
        [a, b, c, d] if u16::from_be_bytes([*a, *b]) == VLAN => Some(u16::from_be_bytes([*c, *d])),
        _ => None,
    }
}

/// The status bits that tell of the protocol and its checksums.
fn found(frame: &[u8]) -> u32 {
    let head = Head::of(frame);
    let Ok(network) = head.network(Extent::Stated) else { return 0 };
    if network.version == Version::V6 {
        return 0;
    }
    let header = &head.bytes()[network.at..network.transport_at()];
    let mut sum = Sum::default();
    sum.add(header);
    let ip = if sum.finish() == 0 { 0 } else { IP_FAILED };
    // A fragment's checksum covers more than the fragment.
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    let transport = match network.protocol {
        _ if fragment => PROTOCOL_IP,
        TCP if network.length >= 20 => {
            PROTOCOL_TCP | if holds(frame, &head, &network) { 0 } else { TCP_FAILED }
        }
        UDP if network.length >= 8 => {
            let at = network.transport_at() + 6;
            let open = frame[at..at + 2] == [0, 0];
            PROTOCOL_UDP | if open || holds(frame, &head, &network) { 0 } else { UDP_FAILED }
        }
        _ => PROTOCOL_IP,
    };
    ip | transport
}

fn holds(frame: &[u8], head: &Head, network: &Network) -> bool {
    let start = network.transport_at();
    let mut sum = head.pseudo_header(network);
    sum.add_u16(network.length as u16);
    sum.add(&frame[start..start + network.length]);
    sum.finish() == 0
}

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
