//! The C+ transmit ring.
//!
//! 1. A round fetches descriptors that the NIC owns, each once, and gathers their buffers into a
//!    frame until the last one closes it.
//! 2. [`offload::push`] puts the frame on the batch, segments and all; payload stays in guest
//!    memory.
//! 3. When the batch is full, the ring is empty or the round's cap is reached, the backend takes
//!    the whole batch at once. Only then are the descriptors given back, since the guest may reuse
//!    their buffers from then on, and one TOK tells of all of them.
//!
//! A frame whose last descriptor is not there yet stays open until the next doorbell.

use super::descriptor::{self, Descriptor, FIRST, LAST, RING};
use super::offload::{self, Request, Rules, STATUS};
use crate::memory::{DmaError, DmaMemory, Gather};
use crate::net::{Backend, Batch, Offloads, Sent, Transmit};

/// Descriptors that one round takes at most, so that a ring that never ends leaves others a turn.
pub const ROUND: usize = 64;
/// Frames that end a round, each segment of a super-frame one: cut at a byte, 64 descriptors are
/// four million. The super-frame that reaches it goes out whole.
pub const ROUND_FRAMES: u64 = 4096;
/// The most bytes a frame can have; what descriptors hold beyond it is cut off.
pub const MAX_FRAME: usize = 65536;
/// Word 0: bytes in the buffer.
pub const LENGTH: u32 = 0xffff;

/// A descriptor to be given back.
#[derive(Clone, Copy, Debug)]
struct Taken {
    address: u64,
    word: u32,
}

/// Where frames go.
pub struct Wire<'a> {
    /// The backend; `None` while the cable is out and every frame is lost.
    pub backend: Option<&'a mut dyn Backend>,
    /// What to get wrong about offloads.
    pub rules: Rules,
}

/// How a round went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// What to do next.
    pub end: Transmit,
    /// Whether descriptors were given back: TOK is due.
    pub completed: bool,
    /// The ring ran out of descriptors after some were taken: TDU is due.
    pub dry: bool,
    /// Frames sent, each segment of a super-frame.
    pub frames: u64,
    /// Guest memory that the ring or a buffer names is out of reach: SERR is due.
    pub fault: bool,
}

/// The ring's state.
#[derive(Debug)]
pub struct Transmitter {
    next: u32,
    frame: Gather,
    /// Descriptors fetched and not given back. The first `closed` belong to whole frames.
    taken: Vec<Taken>,
    closed: usize,
    /// The open frame cannot be sent.
    spoiled: bool,
    batch: Batch,
    /// Descriptors were taken since the ring was last found empty.
    busy: bool,
    /// The doorbell rang and the ring was not found empty since.
    pub pending: bool,
}

impl Transmitter {
    /// A ring whose frames get zeros at their end until they have `least` bytes.
    pub fn new(least: usize) -> Self {
        Self {
            next: 0,
            frame: Gather::default(),
            taken: Vec::new(),
            closed: 0,
            spoiled: false,
            batch: Batch::padded(least),
            busy: false,
            pending: false,
        }
    }

    /// Back to the ring's first descriptor; an open frame is forgotten.
    pub fn restart(&mut self) {
        self.next = 0;
        self.taken.clear();
        self.closed = 0;
        self.busy = false;
        self.open();
    }

    fn open(&mut self) {
        self.frame.clear();
        self.spoiled = false;
    }

    /// Whether a round would take a descriptor from the ring at `ring`.
    pub fn has_more(&self, memory: &DmaMemory, ring: u64) -> bool {
        let next = Descriptor::fetch(memory, descriptor::address(ring, self.next));
        matches!(next, Ok(Some(_)))
    }

    /// Moves what the ring at `ring` holds to the wire.
    pub fn round(&mut self, memory: &DmaMemory, ring: u64, mut wire: Wire<'_>) -> Round {
        let mut round =
            Round { end: Transmit::More, completed: false, dry: false, frames: 0, fault: false };
        for _ in 0..ROUND {
            if round.frames >= ROUND_FRAMES {
                break;
            }
            let address = descriptor::address(ring, self.next);
            let full = self.lapped(address) || self.batch.is_full();
            if full && self.hand_over(memory, &mut wire, &mut round) == Sent::Blocked {
                round.end = Transmit::Blocked;
                return round;
            }
            if self.lapped(address) {
                // A frame longer than its ring never ends.
                self.spoiled = true;
                self.close();
                continue;
            }
            match Descriptor::fetch(memory, address) {
                Ok(Some(descriptor)) => self.take(memory, descriptor, &wire, &mut round),
                Ok(None) => {
                    round.end = Transmit::Idle;
                    round.dry = std::mem::take(&mut self.busy);
                    break;
                }
                Err(_) => {
                    round.fault = true;
                    round.end = Transmit::Idle;
                    break;
                }
            }
        }
        if self.hand_over(memory, &mut wire, &mut round) == Sent::Blocked {
            round.end = Transmit::Blocked;
        }
        self.pending = round.end != Transmit::Idle;
        round
    }

    /// Whether the ring came round to a descriptor that was taken and not given back.
    fn lapped(&self, address: u64) -> bool {
        self.taken.len() >= RING as usize
            || self.taken.first().is_some_and(|first| first.address == address)
    }

    fn take(
        &mut self,
        memory: &DmaMemory,
        descriptor: Descriptor,
        wire: &Wire<'_>,
        round: &mut Round,
    ) {
        let Descriptor { address, command, tag, buffer } = descriptor;
        self.next = descriptor::next(self.next, command);
        if command & FIRST != 0 {
            self.open();
        }
        self.busy = true;
        self.taken.push(Taken { address, word: command & !STATUS });
        let length = (command & LENGTH) as usize;
        let length = length.min(MAX_FRAME - self.frame.len());
        if self.frame.push(memory, buffer, length).is_err() {
            self.spoiled = true;
            round.fault = true;
        }
        if command & LAST == 0 {
            return;
        }
        if let Some(backend) = &wire.backend {
            let before = self.batch.len();
            let offloads = backend.offloads();
            let sent = self.send(memory, Request { command, tag }, wire.rules, offloads);
            let segments = self.batch.frames().skip(before).map(|frame| frame.segments());
            round.frames += segments.sum::<usize>() as u64;
            round.fault |= sent.is_err();
        }
        self.close();
    }

    fn send(
        &mut self,
        memory: &DmaMemory,
        request: Request,
        rules: Rules,
        offloads: Offloads,
    ) -> Result<(), DmaError> {
        if self.spoiled || self.frame.is_empty() {
            return Ok(());
        }
        offload::push(memory, &self.frame, request, rules, offloads, &mut self.batch)
    }

    fn close(&mut self) {
        self.closed = self.taken.len();
        self.open();
    }

    /// Hands the batch to the backend and gives back the descriptors of whole frames.
    fn hand_over(&mut self, memory: &DmaMemory, wire: &mut Wire<'_>, round: &mut Round) -> Sent {
        let sent = match &mut wire.backend {
            Some(backend) if !self.batch.is_empty() => backend.send(memory, &self.batch),
            _ => Sent::All,
        };
        self.batch.clear();
        round.completed |= self.closed > 0;
        for taken in self.taken.drain(..self.closed) {
            if memory.write_u32(taken.address, taken.word).is_err() {
                round.fault = true;
            }
        }
        self.closed = 0;
        sent
    }
}

#[cfg(test)]
#[path = "transmit_tests.rs"]
mod tests;
