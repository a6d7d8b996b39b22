//! The tally counters, and their dump into guest memory.

use super::filter::Match;
use crate::memory::{DmaError, DmaMemory};

/// Bytes of a dump, and its alignment.
pub const SIZE: usize = 64;

/// What the chip counts. Collisions and the like never happen on our wire and stay zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames sent; a super-frame counts once.
    pub sent: u64,
    /// Frames received.
    pub received: u64,
    /// Frames that the filter refused or that found no room.
    pub receive_errors: u32,
    /// Frames that found no room.
    pub missed: u16,
    /// Frames received to our own address.
    pub physical: u64,
    /// Frames received to all.
    pub broadcast: u64,
    /// Frames received to a group.
    pub multicast: u32,
}

impl Tally {
    /// Counts a frame that reached the guest.
    pub fn count_received(&mut self, reason: Match) {
        self.received = self.received.wrapping_add(1);
        match reason {
            Match::Promiscuous => {}
            Match::Physical => self.physical = self.physical.wrapping_add(1),
            Match::Broadcast => self.broadcast = self.broadcast.wrapping_add(1),
            Match::Multicast => self.multicast = self.multicast.wrapping_add(1),
        }
    }

    /// Counts a frame that the filter refused.
    pub fn count_refused(&mut self) {
        self.receive_errors = self.receive_errors.wrapping_add(1);
    }

    /// Counts a frame that found no room.
    pub fn count_missed(&mut self) {
        self.count_refused();
        self.missed = self.missed.wrapping_add(1);
    }

    /// Writes the counters to `address`.
    pub fn dump(&self, memory: &DmaMemory, address: u64) -> Result<(), DmaError> {
        let mut bytes = [0; SIZE];
        bytes[0..8].copy_from_slice(&self.sent.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.received.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.receive_errors.to_le_bytes());
        bytes[28..30].copy_from_slice(&self.missed.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.physical.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.broadcast.to_le_bytes());
        bytes[56..60].copy_from_slice(&self.multicast.to_le_bytes());
        memory.write(address, &bytes)
    }
}
