//! The tally counters, and their dump into guest memory.

use super::filter::Match;
use crate::memory::{DmaError, DmaMemory};

/// Bytes of a dump, and its alignment.
pub const SIZE: usize = 64;

/// What the chip counts. Collisions, underruns and misaligned frames never happen on our wire, so
/// their counters stay zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// TxOk: frames sent.
    pub sent: u64,
    /// RxOk: frames received.
    pub received: u64,
    /// TxERR: frames given up.
    pub transmit_errors: u64,
    /// RxERR: frames received in error, or lost for want of room.
    pub receive_errors: u32,
    /// MissPkt: frames lost for want of room.
    pub missed: u16,
    /// RxOkPhy: frames received to our own address.
    pub physical: u64,
    /// RxOkBrd: frames received to all.
    pub broadcast: u64,
    /// RxOkMul: frames received to a group.
    pub multicast: u32,
    /// TxAbt: frames whose transmission was aborted.
    pub aborted: u16,
}

impl Tally {
    /// Counts to what kind of address a frame went.
    pub fn count_kind(&mut self, to: Match) {
        match to {
            Match::Other => {}
            Match::Physical => self.physical = self.physical.wrapping_add(1),
            Match::Broadcast => self.broadcast = self.broadcast.wrapping_add(1),
            Match::Multicast => self.multicast = self.multicast.wrapping_add(1),
        }
    }

    /// Counts a frame that reached the guest.
    pub fn count_received(&mut self) {
        self.received = self.received.wrapping_add(1);
    }

    /// Counts frames that reached the wire.
    pub fn count_sent(&mut self, frames: u64) {
        self.sent = self.sent.wrapping_add(frames);
    }

    /// Counts frames that were given up.
    pub fn count_aborted(&mut self, frames: u32) {
        self.transmit_errors = self.transmit_errors.wrapping_add(u64::from(frames));
        self.aborted = self.aborted.wrapping_add(frames as u16);
    }

    /// Counts a frame that was received in error.
    pub fn count_error(&mut self) {
        self.receive_errors = self.receive_errors.wrapping_add(1);
    }

    /// Counts a frame that found no room.
    pub fn count_missed(&mut self) {
        self.count_error();
        self.missed = self.missed.wrapping_add(1);
    }

    /// Writes the counters to `address`.
    pub fn dump(&self, memory: &DmaMemory, address: u64) -> Result<(), DmaError> {
        let mut bytes = [0; SIZE];
        bytes[0..8].copy_from_slice(&self.sent.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.received.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.transmit_errors.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.receive_errors.to_le_bytes());
        bytes[28..30].copy_from_slice(&self.missed.to_le_bytes());
        // FAE (30), Tx1Col (32) and TxMCol (36) stay zero.
        bytes[40..48].copy_from_slice(&self.physical.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.broadcast.to_le_bytes());
        bytes[56..60].copy_from_slice(&self.multicast.to_le_bytes());
        bytes[60..62].copy_from_slice(&self.aborted.to_le_bytes());
        // TxUndrn (62) stays zero.
        memory.write(address, &bytes)
    }
}
