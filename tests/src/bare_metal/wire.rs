//! The wire of a test: remembers what was sent, and may give it back to the sender.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use devices::memory::DmaMemory;
use devices::net::{Backend, Batch, Loop, Metadata, Sent};

/// One end of the wire. A clone sees the same frames, also after the machine is gone.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    frames: Arc<Mutex<Vec<Vec<u8>>>>,
    returning: Option<VecDeque<Vec<u8>>>,
}

impl Wire {
    /// A wire whose far end sends every frame back.
    pub fn echo() -> Self {
        Self { returning: Some(VecDeque::new()), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The frames sent so far, in order.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.lock().clone()
    }
}

impl Backend for Wire {
    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent {
        let mut copy = Loop::default();
        let sent = copy.send(memory, batch);
        for (frame, _) in copy.sent {
            if let Some(returning) = &mut self.returning {
                returning.push_back(frame.clone());
            }
            self.lock().push(frame);
        }
        sent
    }

    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        self.returning.as_ref()?.front().map(|frame| (&frame[..], Metadata::default()))
    }

    fn consume(&mut self) {
        if let Some(returning) = &mut self.returning {
            returning.pop_front();
        }
    }
}
