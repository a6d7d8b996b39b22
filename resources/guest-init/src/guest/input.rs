//! What the host sends for a command's standard input, or for a file: waiting until it is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender as QueueSender, channel};

use super::service::Sender;
use crate::protocol::Kind;

/// Where input is put.
#[derive(Debug)]
pub(super) struct Input {
    queue: QueueSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    window: usize,
}

/// Where input is taken from. It ends when the [`Input`] is dropped.
pub(super) struct InputQueue {
    queue: Receiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    sender: Sender,
    id: u32,
}

/// The two ends of the input for `id`. The host is told through `sender` what was taken.
pub(super) fn queue(sender: &Sender, id: u32) -> (Input, InputQueue) {
    let (give, take) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let window = sender.device().window();
    let input = Input { queue: give, waiting: Arc::clone(&waiting), window };
    (input, InputQueue { queue: take, waiting, sender: sender.clone(), id })
}

impl Input {
    /// Puts in `data`, unless that is more than the window allows.
    pub(super) fn give(&self, data: Vec<u8>) -> bool {
        let length = data.len();
        if self.waiting.fetch_add(length, Ordering::Relaxed) + length > self.window {
            self.waiting.fetch_sub(length, Ordering::Relaxed);
            return false;
        }
        // Nobody takes it any more if this fails, and nobody has to.
        let _ = self.queue.send(data);
        true
    }
}

impl InputQueue {
    /// Waits for input.
    pub(super) fn next(&self) -> Option<Vec<u8>> {
        self.queue.recv().ok()
    }

    /// Tells the host that it may send as much again.
    pub(super) fn taken(&self, data: &[u8]) {
        self.waiting.fetch_sub(data.len(), Ordering::Relaxed);
        self.sender.send(Kind::Credit, self.id, &(data.len() as u32).to_le_bytes());
    }
}
