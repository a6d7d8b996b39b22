//! virtio-rng: the guest's source of randomness (section 5.4).
//!
//! The driver offers buffers, the device fills them from whatever the machine gives it as a
//! source. A guest without it may wait for seconds, at boot, until it has gathered entropy.

use std::io::Read;
use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_RNG;

use super::{
    Direction, Kind, Served, Transport, TransportError, VirtioDevice, VirtioPci, gather, serve,
};
use crate::interrupt::Messages;
use crate::memory::{DmaMemory, Gather};

/// MSI-X vectors of the function: its configuration and its queue.
pub const VECTORS: u16 = 2;

const QUEUE_SIZE: u16 = 8;
/// Bytes given for one request, however long its buffers; the driver asks again for more.
const MAX_REQUEST: usize = 4096;

/// The device behind the transport.
pub struct Rng {
    source: Box<dyn Read + Send>,
    room: Gather,
    bytes: Vec<u8>,
}

impl Rng {
    /// A device on the PCI bus that hands out bytes of `source`, say `/dev/urandom`.
    pub fn function(
        source: Box<dyn Read + Send>,
        memory: DmaMemory,
        messages: Arc<dyn Messages>,
    ) -> Result<VirtioPci<Self>, TransportError> {
        VirtioPci::new(Self::new(source), memory, messages)
    }

    pub(super) fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, room: Gather::default(), bytes: vec![0; MAX_REQUEST] }
    }
}

impl VirtioDevice for Rng {
    fn kind(&self) -> Kind {
        // 0xff: a class that no other code fits.
        Kind::modern(VIRTIO_ID_RNG as u16, [0xff, 0, 0])
    }

    fn features(&self) -> u64 {
        0
    }

    fn queue_sizes(&self) -> &[u16] {
        &[QUEUE_SIZE]
    }

    fn read_configuration(&self, _offset: usize, data: &mut [u8]) {
        data.fill(0);
    }

    fn start(&mut self, _features: u64) {}

    fn stop(&mut self) {}

    fn notified(&mut self, queue: u16, transport: &mut Transport) -> bool {
        let Self { source, room, bytes } = self;
        serve(transport, queue, |chain, memory| {
            room.clear();
            gather(chain, memory, Direction::Writable, room)?;
            let length = room.len().min(MAX_REQUEST);
            let Ok(()) = source.read_exact(&mut bytes[..length]) else {
                tracing::error!("the source of randomness failed; the guest waits for it");
                return Ok(Served::Later);
            };
            room.write(memory, 0, &bytes[..length])?;
            Ok(Served::Done(length as u32))
        })
    }
}

#[cfg(test)]
#[path = "rng_tests.rs"]
mod tests;
