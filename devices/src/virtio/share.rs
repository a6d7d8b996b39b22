//! virtio-9p: the way to a directory of the host (device 9; 9P2000.L over virtio, as Linux has it).
//!
//! The driver puts a 9P message into the readable part of a chain and leaves room for the answer in
//! the writable part. This device knows nothing of files: an [`Executor`] turns each [`Exchange`]'s
//! message into its answer.

use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_9P;

use super::{
    Deferred, Executor, Fault, Kind, Taken, Transport, TransportError, VirtioDevice, VirtioPci,
    read_bytes, split,
};
use crate::interrupt::Messages;
use crate::memory::{DmaMemory, Gather};

/// MSI-X vectors of the function: its configuration and its queue.
pub const VECTORS: u16 = 2;
/// The longest message, either way. Linux asks for up to 500 KiB of data, and a header.
pub const MAX_MESSAGE: usize = 512 * 1024;
/// The longest tag, in bytes.
pub const MAX_TAG: usize = 1024;

const QUEUE_SIZE: u16 = 128;
/// Feature bit: there is a tag in the configuration.
const MOUNT_TAG: u64 = 1 << 0;

/// A message and its answer.
#[derive(Debug)]
pub struct Exchange {
    /// What the driver said.
    pub message: Vec<u8>,
    /// Bytes of an answer that it has room for.
    pub room: usize,
    /// For the answer; what does not fit the room is lost.
    pub answer: Vec<u8>,
    buffers: Gather,
}

/// The device behind the transport.
pub struct Share {
    configuration: Vec<u8>,
    jobs: Deferred<Exchange>,
}

impl Share {
    /// A directory on the PCI bus, which the driver finds by `tag`; needs [`VECTORS`].
    pub fn function(
        tag: &str,
        executor: Box<dyn Executor<Exchange>>,
        memory: DmaMemory,
        messages: Arc<dyn Messages>,
    ) -> Result<VirtioPci<Self>, TransportError> {
        VirtioPci::new(Self::new(tag, executor), memory, messages)
    }

    pub(super) fn new(tag: &str, executor: Box<dyn Executor<Exchange>>) -> Self {
        let tag = tag.as_bytes().get(..tag.len().min(MAX_TAG)).unwrap_or_default();
        let length = (tag.len() as u16).to_le_bytes();
        let configuration = [length.as_slice(), tag].concat();
        Self { configuration, jobs: Deferred::new(executor, finish, 1) }
    }
}

impl VirtioDevice for Share {
    fn kind(&self) -> Kind {
        Kind::modern(VIRTIO_ID_9P as u16, [0, 2, 0])
    }

    fn features(&self) -> u64 {
        MOUNT_TAG
    }

    fn queue_sizes(&self) -> &[u16] {
        &[QUEUE_SIZE]
    }

    /// `struct virtio_9p_config`: the tag's length, and the tag.
    fn read_configuration(&self, offset: usize, data: &mut [u8]) {
        read_bytes(&self.configuration, offset, data);
    }

    fn start(&mut self, _features: u64) {}

    fn stop(&mut self) {
        self.jobs.reset();
    }

    fn queue_reset(&mut self, queue: u16) {
        self.jobs.reset_queue(queue);
    }

    fn woken(&mut self, transport: &mut Transport) -> Vec<u16> {
        self.jobs.give_back(transport)
    }

    fn notified(&mut self, queue: u16, transport: &mut Transport) -> bool {
        self.jobs.serve(transport, queue, |chain, memory| {
            let (mut readable, mut buffers) = (Gather::default(), Gather::default());
            split(chain, memory, &mut readable, &mut buffers)?;
            if readable.is_empty() || buffers.is_empty() {
                return Err(Fault::ChainTooShort);
            }
            let mut message = vec![0; readable.len().min(MAX_MESSAGE)];
            readable.copy(memory, 0..message.len(), &mut message)?;
            let room = buffers.len().min(MAX_MESSAGE);
            Ok(Taken::Work(Exchange { message, room, answer: Vec::new(), buffers }))
        })
    }
}

/// Writes the answer, as far as there is room.
fn finish(exchange: Exchange, memory: &DmaMemory) -> Result<u32, Fault> {
    let Exchange { room, answer, buffers, .. } = exchange;
    let answer = answer.get(..answer.len().min(room)).unwrap_or_default();
    buffers.write(memory, 0, answer)?;
    Ok(answer.len() as u32)
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;
