//! Virtio devices: one modern PCI transport, and the devices behind it.
//!
//! 1. A device is a [`VirtioDevice`]: what it is, which features and queues it offers, its
//!    configuration space. [`VirtioPci`] puts it on the bus as a [`crate::pci::Function`].
//! 2. The driver negotiates features, lays out its queues and sets `DRIVER_OK`; [`Transport`] keeps
//!    that state, and calls the device only where it has a say.
//! 3. Data moves when somebody drives the device: [`Transport::queue`] lends an [`ActiveQueue`], the
//!    device pops descriptor chains, completes them, and signals once for many.
//! 4. Whatever a driver does that the specification forbids ends in a [`Fault`]: it is counted, the
//!    first one is logged, and the device asks to be reset. It never stops the VMM.
//!
//! To add a device: one file or folder here that implements [`VirtioDevice`]. The specification is
//! virtio 1.2, OASIS committee specification 01; section numbers in this module refer to it.

pub mod block;
mod capabilities;
mod common;
#[cfg(test)]
mod conformance;
pub mod console;
mod deferred;
mod fault;
mod function;
mod interrupt;
pub mod net;
mod queue;
pub mod rng;
mod serve;
pub mod share;
mod shared;
#[cfg(test)]
mod testing;
mod transport;
pub mod vsock;

pub use deferred::{Deferred, Executor, Finish, Job, Taken};
pub use fault::Fault;
pub use function::VirtioPci;
pub use interrupt::Interrupts;
pub use queue::{ActiveQueue, Chain, Direction, MAX_CHAIN, Used, Virtqueue, gather, split, walk};
pub use serve::{Served, serve};
pub use shared::QueueHandle;
pub use transport::{Transport, TransportError};

use crate::net::Nic;

/// What a device is, to virtio and to PCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Virtio device ID (section 5).
    pub id: u16,
    /// PCI device ID (section 4.1.2).
    pub pci_device: u16,
    /// PCI revision: 0 under a transitional ID, at least 1 under a modern one.
    pub revision: u8,
    /// PCI class, subclass and programming interface.
    pub class: [u8; 3],
}

impl Kind {
    /// A device under its modern PCI ID.
    pub const fn modern(id: u16, class: [u8; 3]) -> Self {
        Self { id, pci_device: 0x1040 + id, revision: 1, class }
    }
}

/// A device behind the transport.
pub trait VirtioDevice: Send + 'static {
    /// What it is.
    fn kind(&self) -> Kind;

    /// The feature bits of its own that it offers; the transport adds the ring's and its own.
    fn features(&self) -> u64;

    /// The greatest size of each queue: powers of two.
    fn queue_sizes(&self) -> &[u16];

    /// Whether the device can work with `features`, a subset of what was offered.
    fn accepts(&self, _features: u64) -> bool {
        true
    }

    /// Reads the device's configuration space; bytes beyond its end read as zero.
    fn read_configuration(&self, offset: usize, data: &mut [u8]);

    /// Writes the device's configuration space.
    fn write_configuration(&mut self, _offset: usize, _data: &[u8]) {}

    /// The driver is ready (`DRIVER_OK`), with these features.
    fn start(&mut self, features: u64);

    /// The driver gave the device up: forget everything it said.
    fn stop(&mut self);

    /// The driver takes `queue` back, alone: what the device has of it must neither be touched nor
    /// returned from now on (section 2.6.1).
    fn queue_reset(&mut self, _queue: u16) {}

    /// The driver kicked `queue`, or the device's other side has news for it. Answers true when it
    /// stopped at a cap with work left. Devices that a worker drives have nothing to do here.
    fn notified(&mut self, _queue: u16, _transport: &mut Transport) -> bool {
        false
    }

    /// The device's other side has news that belongs to no queue: doorbell [`WOKEN`] rang. Answers the
    /// queues that are to be looked at for it.
    fn woken(&mut self, _transport: &mut Transport) -> Vec<u16> {
        Vec::new()
    }

    /// Which of the features that the transport has for every device this one cannot have.
    fn withholds(&self) -> u64 {
        0
    }

    /// From now on somebody else whom the device has for that may work on the driver's rings, or no
    /// longer: the driver is ready and may be reached, or is not.
    fn carry(&mut self, _transport: &Transport, _on: bool) {}

    /// The function as a NIC, if the device is one.
    fn as_nic(_function: &mut VirtioPci<Self>) -> Option<&mut dyn Nic>
    where
        Self: Sized,
    {
        None
    }
}

/// A doorbell that no driver can ring: see [`VirtioDevice::woken`].
pub const WOKEN: u32 = 1 << 16;

/// Answers a read of configuration space that holds `bytes`; behind them it reads as zero.
fn read_bytes(bytes: &[u8], offset: usize, data: &mut [u8]) {
    for (index, byte) in data.iter_mut().enumerate() {
        *byte = offset.checked_add(index).and_then(|at| bytes.get(at)).copied().unwrap_or(0);
    }
}
