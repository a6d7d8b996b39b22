//! From the wire to the receive queue.

use super::features::{GUEST_CSUM, MRG_RXBUF, MTU};
use super::header;
use super::{Counters, MAX_FRAME};
use crate::ethernet::checksum::Sum;
use crate::ethernet::headers::{ETHERNET, ETHERTYPE_AT, TAG, VLAN};
use crate::memory::Gather;
use crate::net::{Metadata, Receipt};
use crate::virtio::{ActiveQueue, Direction, Fault, Used, gather};

/// Buffers that one frame may spread over: 64 KiB in buffers of 1 KiB. What needs more is dropped.
const MAX_BUFFERS: usize = 64;

/// The receive half. Keeps its allocations from frame to frame.
#[derive(Debug, Default)]
pub struct Receiver {
    features: u64,
    /// The longest packet that the driver takes but for super-frames.
    mtu: Option<u16>,
    room: Gather,
    used: Vec<Used>,
}

/// What became of the search for buffers.
enum Room {
    /// There is enough.
    Enough,
    /// The driver has not made enough available; it will kick when there is more.
    Wait,
    /// No number of buffers that the frame may have is enough.
    Never,
}

impl Receiver {
    /// Starts over, with what the driver accepted and was told of an MTU.
    pub fn start(&mut self, features: u64, mtu: Option<u16>) {
        self.features = features;
        self.mtu = mtu.filter(|_| features & MTU != 0);
    }

    /// The driver takes something else unfinished now: `features` are those in effect.
    pub fn take(&mut self, features: u64) {
        self.features = features;
    }

    /// Gives `frame` to the driver, if it has room. The interrupt is left to the end of the run.
    pub fn receive(
        &mut self,
        queue: &mut ActiveQueue<'_>,
        frame: &[u8],
        metadata: Metadata,
        counters: &mut Counters,
    ) -> Result<Receipt, Fault> {
        let need = header::LENGTH + frame.len();
        let position = queue.position();
        let room = if frame.is_empty() || frame.len() > self.longest(frame, metadata) {
            Room::Never
        } else {
            self.reserve(queue, need)?
        };
        let header = header::build(metadata, self.features, self.used.len() as u16);
        match (room, header) {
            (Room::Enough, Some(header)) => {
                let (room, memory) = (&self.room, queue.memory());
                room.write(memory, 0, &header)?;
                room.write(memory, header::LENGTH, frame)?;
                if let Some((at, checksum)) = self.checksum(frame, metadata) {
                    room.write(memory, header::LENGTH + at, &checksum.to_be_bytes())?;
                }
                queue.complete(&self.used)?;
                counters.received += 1;
                counters.received_bytes += frame.len() as u64;
                Ok(Receipt::Done)
            }
            (Room::Wait, _) => {
                queue.rewind(position);
                Ok(Receipt::NoRoom)
            }
            (Room::Enough, None) | (Room::Never, _) => {
                queue.rewind(position);
                counters.receive_dropped += 1;
                Ok(Receipt::Done)
            }
        }
    }

    /// The most bytes that a frame like this one may have. No packet that is longer than the MTU
    /// may reach the driver, if it was told one (section 5.1.4.1).
    fn longest(&self, frame: &[u8], metadata: Metadata) -> usize {
        let Some(mtu) = self.mtu.filter(|_| metadata.gso.is_none()) else { return MAX_FRAME };
        let tagged = frame.get(ETHERTYPE_AT..ETHERNET) == Some(&VLAN.to_be_bytes()[..]);
        ETHERNET + if tagged { TAG } else { 0 } + usize::from(mtu)
    }

    /// Pops buffers until they hold `need` bytes, and divides the bytes among them.
    fn reserve(&mut self, queue: &mut ActiveQueue<'_>, need: usize) -> Result<Room, Fault> {
        let mergeable = self.features & MRG_RXBUF != 0;
        let limit = if mergeable { MAX_BUFFERS.min(queue.size().into()) } else { 1 };
        self.room.clear();
        self.used.clear();
        while self.room.len() < need {
            if self.used.len() == limit {
                return Ok(Room::Never);
            }
            let chain = match queue.pop()? {
                Some(chain) => chain,
                None if queue.await_kick()? => queue.pop()?.ok_or(Fault::AvailableIndex)?,
                None => return Ok(Room::Wait),
            };
            let head = chain.head_index();
            let before = self.room.len();
            gather(chain, queue.memory(), Direction::Writable, &mut self.room)?;
            let length = self.room.len().min(need) - before;
            self.used.push(Used { head, length: length as u32 });
        }
        queue.suppress_kicks()?;
        Ok(Room::Enough)
    }

    /// The checksum that the sender left open, for a driver that does not take such frames: where
    /// it goes, and what.
    fn checksum(&self, frame: &[u8], metadata: Metadata) -> Option<(usize, u16)> {
        let (start, offset) = metadata.partial_checksum?;
        let (start, at) = (usize::from(start), usize::from(start) + usize::from(offset));
        if self.features & GUEST_CSUM != 0 || at + 2 > frame.len() {
            return None;
        }
        let mut sum = Sum::default();
        sum.add(frame.get(start..)?);
        // In UDP a zero says that there is no checksum; all ones counts as the same everywhere.
        let checksum = sum.finish();
        Some((at, if checksum == 0 { 0xffff } else { checksum }))
    }
}

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
