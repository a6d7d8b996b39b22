//! The four transmit descriptors of C mode: registers, not memory.
//!
//! The driver puts a frame's address into TSADn and writes its size, with OWN clear, to TSDn. The
//! chip takes the descriptors in turn, never one out of it, sends what they point at, and sets OWN
//! and TOK. The frame is one piece, with its addresses and its padding in place.

use super::quirks::Quirks;
use super::register_file::Registers;
use super::registers::Reg;
use crate::memory::{DmaMemory, Gather};
use crate::net::{Backend, Batch, Metadata, Sent};

/// How many there are.
pub const SLOTS: usize = 4;
/// TSD bit 13: the driver owns the descriptor; the chip is done with it.
pub const OWN: u32 = 1 << 13;
/// TSD bit 14: the frame was lost since its bytes did not come in time.
const UNDERRUN: u32 = 1 << 14;
/// TSD bit 15: the frame was sent.
pub const SENT: u32 = 1 << 15;
/// TSD bit 30: the frame was given up.
const ABORTED: u32 = 1 << 30;
/// TSD bits 12:0: bytes of the frame.
const SIZE: u32 = 0x1fff;
/// TSD bits that a write sets: size, OWN and early transmit threshold.
const WRITTEN: u32 = 0x003f_3fff;
/// TSD bits that a write leaves as they are. The others tell of the last frame, and go.
const KEPT: u32 = 0x00c0_0000;
/// The longest frame, without FCS. (Datasheet: a longer one invalidates the queue.)
pub const LONGEST: u32 = 1792;

/// Status and address register of each descriptor.
const REGISTERS: [(Reg, Reg); SLOTS] = [
    (Reg::Tsd0, Reg::Tsad0),
    (Reg::Tsd1, Reg::Tsad1),
    (Reg::Tsd2, Reg::Tsad2),
    (Reg::Tsd3, Reg::Tsad3),
];

/// What a write to a TSD makes of it: `written` is what it would hold if all bits could be set.
pub fn status_after_write(before: u32, written: u32) -> u32 {
    written & WRITTEN | before & KEPT
}

/// Brings the summary TSAD in line with the four TSDs: TOK, TUN, TABT and OWN of each.
pub fn summarize(registers: &mut Registers) {
    let mut summary = 0;
    for (slot, (status, _)) in REGISTERS.into_iter().enumerate() {
        let status = registers.get(status);
        for (bit, place) in [(SENT, 12), (UNDERRUN, 8), (ABORTED, 4), (OWN, 0)] {
            summary |= u32::from(status & bit != 0) << (place + slot);
        }
    }
    registers.set(Reg::Tsads, summary);
}

/// Whether a frame of `size` bytes can be sent.
pub fn fits(size: usize, quirks: &Quirks) -> bool {
    size <= LONGEST as usize || quirks.long_c_frames
}

/// A frame that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where it lies.
    pub address: u64,
    /// Its bytes.
    pub size: usize,
}

/// How a round went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// The backend takes no more.
    pub blocked: bool,
    /// Frames sent.
    pub sent: u32,
    /// Frames given up.
    pub aborted: u32,
    /// A buffer was out of reach.
    pub fault: bool,
}

/// The descriptors' state beside their registers.
#[derive(Debug, Default)]
pub struct Slots {
    next: usize,
    /// Writes to a TSD that were not looked at yet.
    pub pending: u32,
    frame: Gather,
    batch: Batch,
}

impl Slots {
    /// Back to the first descriptor.
    pub fn restart(&mut self) {
        self.next = 0;
        self.pending = 0;
    }

    /// The frame whose turn it is, if the driver handed it over.
    pub fn due(&self, registers: &Registers) -> Option<Request> {
        let (status, address) = REGISTERS[self.next];
        let status = registers.get(status);
        let size = (status & SIZE) as usize;
        let address = u64::from(registers.get(address));
        (status & OWN == 0).then_some(Request { address, size })
    }

    /// How many frames the writes since the last call may send, which are seen to thereby.
    pub fn allowance(&mut self, quirks: &Quirks) -> u32 {
        let writes = std::mem::take(&mut self.pending);
        if quirks.one_frame_a_write || writes == 0 { writes } else { SLOTS as u32 }
    }

    /// Gives the descriptor whose turn it is back and goes on to the next.
    pub fn complete(&mut self, registers: &mut Registers, sent: bool) {
        let (status, _) = REGISTERS[self.next];
        let result = OWN | if sent { SENT } else { ABORTED };
        registers.set(status, registers.get(status) | result);
        self.next = (self.next + 1) % SLOTS;
        summarize(registers);
    }

    /// Sends what the driver handed over; at most one frame a descriptor. Without a backend the
    /// cable is out, and frames are lost. While the NIC may not do DMA everything waits.
    pub fn round(
        &mut self,
        memory: &DmaMemory,
        registers: &mut Registers,
        backend: Option<&mut dyn Backend>,
        quirks: &Quirks,
    ) -> Round {
        let mut round = Round::default();
        if memory.ram().is_none() {
            return round;
        }
        for _ in 0..self.allowance(quirks).min(SLOTS as u32) {
            let Some(Request { address, size }) = self.due(registers) else { break };
            self.frame.clear();
            let fits = fits(size, quirks);
            let reached = fits && self.frame.push(memory, address, size).is_ok();
            if reached && size > 0 && backend.is_some() {
                self.batch.push(&[], &self.frame, 0..size, Metadata::default());
            }
            round.fault |= fits && !reached;
            *(if reached { &mut round.sent } else { &mut round.aborted }) += 1;
            self.complete(registers, reached);
        }
        if let Some(backend) = backend.filter(|_| !self.batch.is_empty()) {
            round.blocked = backend.send(memory, &self.batch) == Sent::Blocked;
        }
        self.batch.clear();
        round
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
