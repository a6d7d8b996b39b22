//! virtio-net: the NIC of the good case (section 5.1).
//!
//! 1. Transmit: [`VirtioNet`] pops every available chain, reads the header once, leaves the frame
//!    in guest memory, gathers frames into one [`crate::net::Batch`], hands it to the backend, and completes
//!    all its chains with one publication and one decision about the interrupt.
//! 2. A super-frame, or a frame without its checksum, goes to the backend as it is if the backend
//!    takes it; otherwise [`crate::ethernet::offload`] finishes the work. So the driver is offered
//!    checksum and segmentation whatever the backend.
//! 3. Receive: a frame that the driver wants is written over as many buffers as it takes (mergeable
//!    buffers), which appear to the driver at once; interrupts wait for the end of the run.
//! 4. What the driver wants it says over the control queue: addresses, VLANs, what it takes
//!    unfinished.
//!
//! The function carries the transitional PCI ID 1af4:1000, revision 0, subsystem ID 1, as the
//! virtio NICs of 2022 did: `lspci` names it "Red Hat, Inc Virtio network device", which it says
//! only of that ID. There is no legacy I/O BAR: Linux takes a transitional ID's device type from
//! the subsystem ID and drives it through the modern capabilities if they are there.

mod control;
mod features;
mod filter;
mod header;
mod receive;
mod transmit;

use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_NET;

use super::{Kind, Transport, TransportError, VirtioDevice, VirtioPci, read_bytes, serve};
use crate::interrupt::Messages;
use crate::memory::DmaMemory;
use crate::net::{Backend, Metadata, Nic, Offloads, Receipt, Transmit};
use control::Settings;
pub use features::Config;
use features::GUEST_ANNOUNCE;
use receive::Receiver;
use transmit::Transmitter;

/// Index of the receive queue.
pub const RECEIVE: u16 = 0;
/// Index of the transmit queue.
pub const TRANSMIT: u16 = 1;
/// Index of the control queue.
pub const CONTROL: u16 = 2;

/// MSI-X vectors of the function: its configuration and its queues.
pub const VECTORS: u16 = 4;

/// The greatest size of each queue: receive, transmit, control.
const QUEUE_SIZES: [u16; 3] = [256, 256, 64];
/// The longest frame either way: an IP packet of 65535 bytes behind Ethernet and a VLAN tag.
const MAX_FRAME: usize = 65535 + 14 + 4;

/// What passed, and what was dropped and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames taken from the driver; a super-frame counts once.
    pub transmitted: u64,
    /// Their bytes.
    pub transmitted_bytes: u64,
    /// Frames of the driver that were dropped: no link, too short, too long, or a header that lies.
    pub transmit_dropped: u64,
    /// Frames given to the driver.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Frames off the wire that were dropped: no driver, no link, longer than the MTU, or a buffer
    /// that is too small.
    pub receive_dropped: u64,
    /// Frames off the wire that the driver does not want.
    pub filtered: u64,
}

/// The device behind the transport.
pub struct VirtioNet {
    config: Config,
    link: bool,
    settings: Settings,
    counters: Counters,
    transmitter: Transmitter,
    receiver: Receiver,
}

impl VirtioNet {
    /// A NIC on the PCI bus, with its link up. `messages` has room for [`VECTORS`].
    pub fn function(
        config: Config,
        memory: DmaMemory,
        messages: Arc<dyn Messages>,
    ) -> Result<VirtioPci<Self>, TransportError> {
        VirtioPci::new(Self::new(config), memory, messages)
    }

    /// The bare device.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            link: true,
            settings: Settings::new(0, config.mac),
            counters: Counters::default(),
            transmitter: Transmitter::default(),
            receiver: Receiver::default(),
        }
    }

    /// What passed so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Starts over with a driver that negotiated `features`.
    fn begin(&mut self, features: u64) {
        self.settings = Settings::new(features, self.config.mac);
        self.transmitter.start(features);
        self.receiver.start(features, self.config.mtu);
    }
}

impl VirtioDevice for VirtioNet {
    fn kind(&self) -> Kind {
        Kind { id: VIRTIO_ID_NET as u16, pci_device: 0x1000, revision: 0, class: [2, 0, 0] }
    }

    fn features(&self) -> u64 {
        self.config.features()
    }

    fn queue_sizes(&self) -> &[u16] {
        &QUEUE_SIZES
    }

    fn accepts(&self, features: u64) -> bool {
        features::are_consistent(features)
    }

    fn read_configuration(&self, offset: usize, data: &mut [u8]) {
        let Settings { filter, announce, .. } = &self.settings;
        read_bytes(&features::space(&self.config, filter.mac, self.link, *announce), offset, data);
    }

    fn start(&mut self, features: u64) {
        self.begin(features);
    }

    fn stop(&mut self) {
        self.begin(0);
    }

    fn notified(&mut self, queue: u16, transport: &mut Transport) -> bool {
        if queue != CONTROL {
            return false;
        }
        let settings = &mut self.settings;
        let more = serve(transport, queue, |chain, memory| settings.serve(chain, memory));
        self.receiver.take(settings.features);
        more
    }

    fn as_nic(function: &mut VirtioPci<Self>) -> Option<&mut dyn Nic> {
        Some(function)
    }
}

impl Nic for VirtioPci<VirtioNet> {
    fn transmit(&mut self, backend: &mut dyn Backend) -> Transmit {
        self.device.transmit(&mut self.transport, backend)
    }

    fn receive(&mut self, frame: &[u8], metadata: Metadata) -> Receipt {
        self.device.receive(&mut self.transport, frame, metadata)
    }

    fn flush(&mut self) {
        VirtioNet::flush(&mut self.transport);
    }

    /// A link that comes up may lead elsewhere than before: the driver is asked to announce
    /// itself there.
    fn set_link(&mut self, up: bool) {
        let device = &mut self.device;
        if std::mem::replace(&mut device.link, up) != up {
            device.settings.announce = up && device.settings.negotiated & GUEST_ANNOUNCE != 0;
            self.transport.configuration_changed();
        }
    }

    fn takes(&self) -> Offloads {
        features::taken(self.device.settings.features)
    }
}

impl VirtioNet {
    fn transmit(&mut self, transport: &mut Transport, backend: &mut dyn Backend) -> Transmit {
        let Some(mut queue) = transport.queue(TRANSMIT) else { return Transmit::Idle };
        let wire = self.link.then_some(backend);
        match self.transmitter.round(&mut queue, wire, &mut self.counters) {
            Ok(end) => end,
            Err(fault) => {
                transport.fail(fault);
                Transmit::Idle
            }
        }
    }

    fn receive(&mut self, transport: &mut Transport, frame: &[u8], metadata: Metadata) -> Receipt {
        let queue = transport.queue(RECEIVE).filter(|_| self.link);
        let Some(mut queue) = queue else {
            self.counters.receive_dropped += 1;
            return Receipt::Done;
        };
        if !self.settings.filter.takes(frame) {
            self.counters.filtered += 1;
            return Receipt::Done;
        }
        match self.receiver.receive(&mut queue, frame, metadata, &mut self.counters) {
            Ok(receipt) => receipt,
            Err(fault) => {
                transport.fail(fault);
                Receipt::Done
            }
        }
    }

    fn flush(transport: &mut Transport) {
        let signalled = transport.queue(RECEIVE).map(|mut queue| queue.signal());
        if let Some(Err(fault)) = signalled {
            transport.fail(fault);
        }
    }
}

#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile_tests;
