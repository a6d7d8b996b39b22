//! From the transmit queue to the backend.

use super::header::{self, Lie};
use super::{Counters, MAX_FRAME};
use crate::ethernet::headers::Malformed;
use crate::ethernet::offload;
use crate::memory::Gather;
use crate::net::{Backend, Batch, Offloads, Sent, Transmit};
use crate::virtio::{ActiveQueue, Direction, Fault, Used, gather};

/// Chains taken in one round, so that receiving has its turn: two queues full.
const MAX_CHAINS: usize = 512;
/// Frames after which a round ends, segments counted: a super-frame may be cut into thousands.
const MAX_FRAMES: usize = 16 * Batch::FULL_FRAMES;
/// The shortest frame: an Ethernet header.
const MIN_FRAME: usize = 14;

/// Why one frame of the driver was dropped.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("it is {0} bytes, header included: less than an Ethernet header or more than 64 KiB")]
    Length(usize),
    #[error("{0}")]
    Header(#[from] Lie),
    #[error("{0}")]
    Frame(#[from] Malformed),
}

/// The transmit half. Keeps its allocations from round to round.
#[derive(Debug, Default)]
pub struct Transmitter {
    features: u64,
    /// The frame at hand, behind its virtio header.
    frame: Gather,
    batch: Batch,
    done: Vec<Used>,
    blocked: bool,
    /// A refusal was logged; later ones are only counted.
    warned: bool,
}

impl Transmitter {
    /// Starts over, with what the driver accepted.
    pub fn start(&mut self, features: u64) {
        self.features = features;
        self.discard();
    }

    fn discard(&mut self) {
        self.batch.clear();
        self.done.clear();
    }

    /// Takes what is available, up to a cap, and hands it to `wire`; without a wire frames are
    /// lost, as on a pulled cable. While the backend is blocked the queue is left alone.
    pub fn round(
        &mut self,
        queue: &mut ActiveQueue<'_>,
        mut wire: Option<&mut (dyn Backend + '_)>,
        counters: &mut Counters,
    ) -> Result<Transmit, Fault> {
        self.discard();
        let offloads = wire.as_ref().map_or(Offloads::default(), |wire| wire.offloads());
        if self.blocked && wire.as_mut().is_some_and(|wire| wire.resume() == Sent::Blocked) {
            return Ok(Transmit::Blocked);
        }
        self.blocked = false;
        let (mut taken, mut frames, mut promised) = (0, 0, false);
        loop {
            queue.suppress_kicks()?;
            let before = taken;
            while taken < MAX_CHAINS
                && !self.batch.is_full()
                && let Some(chain) = queue.pop()?
            {
                taken += 1;
                self.done.push(Used { head: chain.head_index(), length: 0 });
                if wire.is_some() {
                    self.frame.clear();
                    gather(chain, queue.memory(), Direction::Readable, &mut self.frame)?;
                    self.push(queue, offloads, counters);
                } else {
                    counters.transmit_dropped += 1;
                }
            }
            if promised && taken == before {
                return Err(Fault::AvailableIndex);
            }
            frames += self.batch.len();
            let full = self.batch.is_full();
            let last = taken == MAX_CHAINS || frames >= MAX_FRAMES;
            self.send(queue, wire.as_deref_mut())?;
            if self.blocked {
                return Ok(Transmit::Blocked);
            }
            if last {
                return Ok(Transmit::More);
            }
            promised = !full && queue.await_kick()?;
            if !full && !promised {
                return Ok(Transmit::Idle);
            }
        }
    }

    /// Puts the collected frame on the batch, unless there is something wrong with it.
    fn push(&mut self, queue: &ActiveQueue<'_>, offloads: Offloads, counters: &mut Counters) {
        match self.try_push(queue, offloads) {
            Ok(length) => {
                counters.transmitted += 1;
                counters.transmitted_bytes += length as u64;
            }
            Err(refusal) => {
                counters.transmit_dropped += 1;
                if !std::mem::replace(&mut self.warned, true) {
                    tracing::warn!(%refusal, "dropped a frame of the guest");
                }
            }
        }
    }

    fn try_push(&mut self, queue: &ActiveQueue<'_>, offloads: Offloads) -> Result<usize, Refusal> {
        let memory = queue.memory();
        let length = self.frame.len().saturating_sub(header::LENGTH);
        if !(MIN_FRAME..=MAX_FRAME).contains(&length) {
            return Err(Refusal::Length(self.frame.len()));
        }
        let mut bytes = [0; header::LENGTH];
        self.frame
            .copy(memory, 0..header::LENGTH, &mut bytes)
            .map_err(|error| Refusal::Frame(error.into()))?;
        let metadata = header::parse(&bytes, self.features, length)?;
        let (frame, batch) = (&self.frame, &mut self.batch);
        offload::push(memory, frame, header::LENGTH, metadata, offloads, batch)?;
        Ok(length)
    }

    /// Sends the batch and gives all its chains back at once.
    fn send(
        &mut self,
        queue: &mut ActiveQueue<'_>,
        wire: Option<&mut (dyn Backend + '_)>,
    ) -> Result<(), Fault> {
        if let Some(wire) = wire.filter(|_| !self.batch.is_empty()) {
            self.blocked = wire.send(queue.memory(), &self.batch) == Sent::Blocked;
        }
        if !self.done.is_empty() {
            queue.complete(&self.done)?;
            queue.signal()?;
        }
        self.discard();
        Ok(())
    }
}

#[cfg(test)]
#[path = "transmit_tests.rs"]
mod tests;
