//! Backends without a wire: one that swallows, one that remembers.

use std::collections::VecDeque;

use super::{Backend, Batch, Metadata, Sent};
use crate::memory::DmaMemory;

/// Swallows every frame; nothing ever arrives.
#[derive(Debug, Default)]
pub struct Null;

impl Backend for Null {
    fn send(&mut self, _memory: &DmaMemory, _batch: &Batch) -> Sent {
        Sent::All
    }

    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        None
    }

    fn consume(&mut self) {}
}

/// Keeps what was sent and delivers what was queued: the wire of a test.
#[derive(Debug, Default)]
pub struct Loop {
    /// Frames the NIC sent, in order.
    pub sent: Vec<(Vec<u8>, Metadata)>,
    /// Frames the NIC will be offered, in order.
    pub incoming: VecDeque<Vec<u8>>,
    /// What to answer to `send`; blocked while true.
    pub blocked: bool,
}

impl Backend for Loop {
    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent {
        for frame in batch.frames() {
            let mut bytes = Vec::new();
            if frame.copy_to(memory, &mut bytes).is_ok() {
                self.sent.push((bytes, frame.metadata()));
            }
        }
        self.resume()
    }

    fn resume(&mut self) -> Sent {
        if self.blocked { Sent::Blocked } else { Sent::All }
    }

    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        self.incoming.front().map(|frame| (&frame[..], Metadata::default()))
    }

    fn consume(&mut self) {
        self.incoming.pop_front();
    }
}
