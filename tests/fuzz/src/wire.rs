//! A wire that looks at what it gets and forgets it.

use std::collections::VecDeque;

use devices::memory::DmaMemory;
use devices::net::{Backend, Batch, Metadata, Offloads, Sent};

/// The most bytes of a frame: 65536 and a tag, and what a cut for each byte adds.
const LONGEST: usize = 65_536 + 4;
/// Frames on the way to the NIC at once.
const WAITING: usize = 64;

/// The wire.
#[derive(Debug, Default)]
pub struct Wire {
    /// Frames that the NIC sent.
    pub frames: u64,
    /// Whether it takes no more.
    pub blocked: bool,
    /// What it takes unfinished.
    pub offloads: Offloads,
    waiting: VecDeque<(Vec<u8>, Metadata)>,
    bytes: Vec<u8>,
}

impl Wire {
    /// Puts a frame on its way to the NIC, if there is room for it.
    pub fn push(&mut self, frame: Vec<u8>, metadata: Metadata) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back((frame, metadata));
        }
    }
}

impl Backend for Wire {
    fn offloads(&self) -> Offloads {
        self.offloads
    }

    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent {
        let mut total = 0;
        for frame in batch.frames() {
            self.bytes.clear();
            frame.copy_to(memory, &mut self.bytes).expect("a batch names RAM");
            assert_eq!(self.bytes.len(), frame.len(), "a frame is as long as it says");
            assert!(frame.len() <= LONGEST, "a frame of {} bytes", frame.len());
            assert!(frame.segments() > 0, "a frame is at least one");
            total += frame.len();
            self.frames += 1;
        }
        assert_eq!(total, batch.bytes(), "a batch is as long as its frames");
        self.resume()
    }

    fn resume(&mut self) -> Sent {
        if self.blocked { Sent::Blocked } else { Sent::All }
    }

    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        self.waiting.front().map(|(frame, metadata)| (&frame[..], *metadata))
    }

    fn consume(&mut self) {
        self.waiting.pop_front();
    }
}
