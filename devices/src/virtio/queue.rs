//! A virtqueue: the `virtio-queue` crate for the available side, our own used side.
//!
//! The crate's `add_used` publishes the used index after each element. A frame that was spread over
//! several buffers must appear at once (section 5.1.6.4: the driver would take a part for the
//! whole), and a batch wants one publication: so [`ActiveQueue::complete`] writes any number of
//! elements and then the index, and [`ActiveQueue::signal`] decides once about the interrupt.

use std::sync::MutexGuard;
use std::sync::atomic::{Ordering, fence};

use virtio_bindings::virtio_ring::VRING_AVAIL_F_NO_INTERRUPT;
use virtio_queue::desc::split::Descriptor;
use virtio_queue::{DescriptorChain, Error, Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::shared::Shared;
use super::{Fault, net};
use crate::memory::{DmaMemory, Gather};
use crate::pci::msix::NO_VECTOR;

/// Descriptors of one chain that a device looks at. Section 2.7.5.3.1 forbids chains longer than
/// the queue; an indirect table could otherwise hold 65535.
pub const MAX_CHAIN: usize = 1024;

/// Bytes of a descriptor, and of what the rings hold before, as and behind their elements.
const DESCRIPTOR: u64 = 16;
const RING_HEADER: u64 = 4;
const RING_EVENT: u64 = 2;
const USED_INDEX: u64 = 2;
const USED_ELEMENT: u64 = 8;
const AVAILABLE_ELEMENT: u64 = 2;

/// A descriptor chain that the driver made available.
pub type Chain<'m> = DescriptorChain<&'m GuestMemoryMmap>;

/// A chain that the device has done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Index of the chain's first descriptor.
    pub head: u16,
    /// Bytes the device wrote into its buffers.
    pub length: u32,
}

/// Shows every descriptor of `chain` to `visit`; a chain that does not end properly is a fault.
pub fn walk(
    chain: Chain<'_>,
    mut visit: impl FnMut(&Descriptor) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut ended = false;
    for (count, descriptor) in chain.enumerate() {
        if count == MAX_CHAIN {
            return Err(Fault::ChainTooLong);
        }
        ended = !descriptor.has_next();
        visit(&descriptor)?;
    }
    if ended { Ok(()) } else { Err(Fault::Chain) }
}

/// Which way the buffers of a chain go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The device reads them.
    Readable,
    /// The device writes them.
    Writable,
}

/// Appends all buffers of `chain` to `to`; one that goes the other way is a fault.
pub fn gather(
    chain: Chain<'_>,
    memory: &DmaMemory,
    direction: Direction,
    to: &mut Gather,
) -> Result<(), Fault> {
    walk(chain, |descriptor| {
        if descriptor.is_write_only() != (direction == Direction::Writable) {
            return Err(Fault::Direction);
        }
        Ok(to.push(memory, descriptor.addr().0, descriptor.len() as usize)?)
    })
}

/// Appends the buffers of `chain` that the device reads to `readable`, and those that it writes to
/// `writable`; a readable one behind a writable one is a fault (section 2.7.4.2).
pub fn split(
    chain: Chain<'_>,
    memory: &DmaMemory,
    readable: &mut Gather,
    writable: &mut Gather,
) -> Result<(), Fault> {
    let mut answering = false;
    walk(chain, |descriptor| {
        let writes = descriptor.is_write_only();
        if answering && !writes {
            return Err(Fault::Direction);
        }
        answering = writes;
        let to = if writes { &mut *writable } else { &mut *readable };
        Ok(to.push(memory, descriptor.addr().0, descriptor.len() as usize)?)
    })
}

/// One queue as the driver set it up.
#[derive(Debug)]
pub struct Virtqueue {
    queue: Queue,
    /// What the driver wrote into `queue_size`.
    pub(super) size: u16,
    /// What the driver wrote into the address registers: descriptors, available, used.
    pub(super) addresses: [u64; 3],
    /// MSI-X vector, or [`NO_VECTOR`].
    pub(super) vector: u16,
    /// The used index up to which the interrupt was decided.
    signalled: u16,
    /// Whether the driver was last told not to kick.
    suppressed: bool,
}

impl Virtqueue {
    /// A queue of at most `max_size`; `None` if that is not a power of two up to 32768.
    pub fn new(max_size: u16) -> Option<Self> {
        Some(Self {
            queue: Queue::new(max_size).ok()?,
            size: max_size,
            addresses: [0; 3],
            vector: NO_VECTOR,
            signalled: 0,
            suppressed: false,
        })
    }

    /// The greatest size it takes.
    pub fn max_size(&self) -> u16 {
        self.queue.max_size()
    }

    /// Whether the driver enabled it.
    pub fn enabled(&self) -> bool {
        self.queue.ready()
    }

    /// Where its rings are. Their interrupt is `vector`.
    pub(super) fn ring(&self, vector: Option<u16>) -> net::Ring {
        let [descriptors, available, used] = self.addresses;
        net::Ring { size: self.size, descriptors, available, used, base: 0, vector }
    }

    /// Back to power-on state; the vector stays for [`Transport`](super::Transport) to clear.
    pub fn reset(&mut self) {
        self.queue.reset();
        self.size = self.queue.max_size();
        self.addresses = [0; 3];
        self.signalled = 0;
        self.suppressed = false;
    }

    /// Takes the driver's layout, which lies in `memory`, into use.
    pub fn enable(&mut self, memory: &DmaMemory, event_index: bool) -> Result<(), Fault> {
        let [descriptors, available, used] = self.addresses;
        let parts = [
            (descriptors, 0, DESCRIPTOR),
            (available, RING_HEADER + RING_EVENT, AVAILABLE_ELEMENT),
            (used, RING_HEADER + RING_EVENT, USED_ELEMENT),
        ];
        self.queue.try_set_size(self.size).map_err(|_| Fault::Size(self.size))?;
        self.queue
            .try_set_desc_table_address(GuestAddress(descriptors))
            .and_then(|()| self.queue.try_set_avail_ring_address(GuestAddress(available)))
            .and_then(|()| self.queue.try_set_used_ring_address(GuestAddress(used)))
            .map_err(|_| Fault::Alignment)?;
        let length = |fixed: u64, element: u64| (fixed + element * u64::from(self.size)) as usize;
        if !parts.iter().all(|(at, fixed, element)| memory.holds(*at, length(*fixed, *element))) {
            return Err(Fault::Ring);
        }
        self.queue.set_event_idx(event_index);
        self.queue.set_ready(true);
        Ok(())
    }
}

/// A queue in use: lent by [`Transport::queue`](super::Transport::queue) or a
/// [`QueueHandle`](super::QueueHandle) while the driver is ready, the queue enabled and bus mastering
/// on.
#[derive(Debug)]
pub struct ActiveQueue<'t> {
    pub(super) virtqueue: MutexGuard<'t, Virtqueue>,
    pub(super) shared: &'t Shared,
    pub(super) ram: &'t GuestMemoryMmap,
}

impl<'t> ActiveQueue<'t> {
    /// Guest memory, for the buffers.
    pub fn memory(&self) -> &'t DmaMemory {
        &self.shared.memory
    }

    /// Its size in descriptors.
    pub fn size(&self) -> u16 {
        self.virtqueue.queue.size()
    }

    /// The next available chain.
    pub fn pop(&mut self) -> Result<Option<Chain<'t>>, Fault> {
        let mut chains = self.virtqueue.queue.iter(self.ram).map_err(|error| match error {
            Error::InvalidAvailRingIndex => Fault::AvailableIndex,
            _ => Fault::Ring,
        })?;
        Ok(chains.next())
    }

    /// Whether there is a chain that was not popped.
    pub fn has_more(&self) -> bool {
        let queue = &self.virtqueue.queue;
        let available = queue.avail_idx(self.ram, Ordering::Acquire);
        available.is_ok_and(|index| index.0 != queue.next_avail())
    }

    /// Where [`ActiveQueue::pop`] stands, to come back to with [`ActiveQueue::rewind`].
    pub fn position(&self) -> u16 {
        self.virtqueue.queue.next_avail()
    }

    /// Makes the chains popped since `position` available again.
    pub fn rewind(&mut self, position: u16) {
        self.virtqueue.queue.set_next_avail(position);
    }

    /// Asks the driver not to kick: the device is looking anyway.
    pub fn suppress_kicks(&mut self) -> Result<(), Fault> {
        if !std::mem::replace(&mut self.virtqueue.suppressed, true) {
            self.virtqueue.queue.disable_notification(self.ram).map_err(|_| Fault::Ring)?;
        }
        Ok(())
    }

    /// Asks for a kick when chains beyond those popped so far become available. Answers true when
    /// that happened meanwhile: no kick may come for them, so look again.
    pub fn await_kick(&mut self) -> Result<bool, Fault> {
        self.virtqueue.suppressed = false;
        self.virtqueue.queue.enable_notification(self.ram).map_err(|_| Fault::Ring)
    }

    /// Gives chains back to the driver, all visible at once.
    pub fn complete(&mut self, chains: &[Used]) -> Result<(), Fault> {
        let queue = &mut self.virtqueue.queue;
        let (ring, size) = (queue.used_ring(), queue.size());
        let mut next = queue.next_used();
        for used in chains {
            let slot = u64::from(next & size.wrapping_sub(1));
            let element = u64::from(used.head) | u64::from(used.length) << 32;
            let at = ring.saturating_add(RING_HEADER + slot * USED_ELEMENT);
            self.ram.write_obj(element.to_le(), GuestAddress(at)).map_err(|_| Fault::Ring)?;
            next = next.wrapping_add(1);
        }
        queue.set_next_used(next);
        let at = GuestAddress(ring.saturating_add(USED_INDEX));
        self.ram.store(next.to_le(), at, Ordering::Release).map_err(|_| Fault::Ring)
    }

    /// Interrupts the driver if it asked for that at one of the chains completed since the last
    /// call: by event index if negotiated, else by its flag.
    pub fn signal(&mut self) -> Result<(), Fault> {
        let new = self.virtqueue.queue.next_used();
        let old = std::mem::replace(&mut self.virtqueue.signalled, new);
        if old == new {
            return Ok(());
        }
        let queue = &self.virtqueue.queue;
        // The driver must see the used index before we read what it wrote after looking at it.
        fence(Ordering::SeqCst);
        let ring = queue.avail_ring();
        let wanted = if queue.event_idx_enabled() {
            let at = RING_HEADER + AVAILABLE_ELEMENT * u64::from(queue.size());
            let event = self.load(ring.saturating_add(at))?;
            new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
        } else {
            self.load(ring)? & VRING_AVAIL_F_NO_INTERRUPT as u16 == 0
        };
        if wanted {
            self.shared.interrupts.queue(self.virtqueue.vector);
        }
        Ok(())
    }

    fn load(&self, at: u64) -> Result<u16, Fault> {
        let value = self.ram.load::<u16>(GuestAddress(at), Ordering::Relaxed);
        value.map(u16::from_le).map_err(|_| Fault::Ring)
    }
}
