//! virtio-net: the NIC of the good case (section 5.1).
//!
//! 1. Transmit: [`VirtioNet`] pops every available chain, reads the header once, leaves the frame
//!    in guest memory, gathers frames into one [`crate::net::Batch`], hands it to the backend, and completes
//!    all its chains with one publication and one decision about the interrupt.
//! 2. A super-frame, or a frame without its checksum, goes to the backend as it is if the backend
//!    takes it; otherwise [`crate::ethernet::offload`] finishes the work. So the driver is offered
//!    checksum and segmentation whatever the backend.
//! 3. Receive: a frame is written over as many buffers as it takes (mergeable buffers), which
//!    appear to the driver at once; interrupts wait for the end of the run.
//!
//! The function carries the transitional PCI ID 1af4:1000, revision 0, subsystem ID 1, as the
//! virtio NICs of 2022 did: `lspci` names it "Red Hat, Inc Virtio network device", which it says
//! only of that ID. There is no legacy I/O BAR: Linux takes a transitional ID's device type from
//! the subsystem ID and drives it through the modern capabilities if they are there.

mod header;
mod receive;
mod transmit;

use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_NET;
use virtio_bindings::virtio_net::{
    VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4,
    VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6,
    VIRTIO_NET_F_MAC, VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_MTU, VIRTIO_NET_F_STATUS,
    VIRTIO_NET_S_LINK_UP,
};

use super::{Kind, Transport, TransportError, VirtioDevice, VirtioPci, read_bytes};
use crate::interrupt::Messages;
use crate::memory::DmaMemory;
use crate::net::{Backend, Metadata, Nic, Offloads, Receipt, Transmit};
use receive::Receiver;
use transmit::Transmitter;

/// Index of the receive queue.
pub const RECEIVE: u16 = 0;
/// Index of the transmit queue.
pub const TRANSMIT: u16 = 1;

/// MSI-X vectors of the function: its configuration and its queues.
pub const VECTORS: u16 = 3;

/// The greatest size of either queue.
const QUEUE_SIZE: u16 = 256;
/// The longest frame either way: an IP packet of 65535 bytes behind Ethernet and a VLAN tag.
const MAX_FRAME: usize = 65535 + 14 + 4;

const CSUM: u64 = 1 << VIRTIO_NET_F_CSUM;
const HOST_TSO4: u64 = 1 << VIRTIO_NET_F_HOST_TSO4;
const HOST_TSO6: u64 = 1 << VIRTIO_NET_F_HOST_TSO6;
const HOST_ECN: u64 = 1 << VIRTIO_NET_F_HOST_ECN;
const GUEST_CSUM: u64 = 1 << VIRTIO_NET_F_GUEST_CSUM;
const GUEST_TSO4: u64 = 1 << VIRTIO_NET_F_GUEST_TSO4;
const GUEST_TSO6: u64 = 1 << VIRTIO_NET_F_GUEST_TSO6;
const GUEST_ECN: u64 = 1 << VIRTIO_NET_F_GUEST_ECN;
const MAC: u64 = 1 << VIRTIO_NET_F_MAC;
const MTU: u64 = 1 << VIRTIO_NET_F_MTU;
const MRG_RXBUF: u64 = 1 << VIRTIO_NET_F_MRG_RXBUF;
const STATUS: u64 = 1 << VIRTIO_NET_F_STATUS;

/// Features that ask for others (section 5.1.3.1): with any of the first, all of the second.
const REQUIREMENTS: [(u64, u64); 3] = [
    (HOST_TSO4 | HOST_TSO6 | HOST_ECN, CSUM),
    (GUEST_TSO4 | GUEST_TSO6, GUEST_CSUM),
    (GUEST_ECN, GUEST_CSUM),
];

/// What a virtio-net offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its station address.
    pub mac: [u8; 6],
    /// Checksum and segmentation offload, both ways: all of it or none.
    pub offload: bool,
    /// Received frames may spread over several buffers.
    pub mergeable: bool,
    /// The MTU to tell the driver, if any.
    pub mtu: Option<u16>,
    /// What the backend may deliver unfinished; with `offload`, offered to the driver.
    pub delivers: Offloads,
}

impl Config {
    /// Everything on, for a backend that delivers finished frames.
    pub fn new(mac: [u8; 6]) -> Self {
        let delivers = Offloads::default();
        Self { mac, offload: true, mergeable: true, mtu: None, delivers }
    }

    fn features(&self) -> u64 {
        let when = |wanted: bool, features: u64| if wanted { features } else { 0 };
        let delivers = self.delivers;
        MAC | STATUS
            | when(self.mergeable, MRG_RXBUF)
            | when(self.mtu.is_some(), MTU)
            | when(self.offload, CSUM | HOST_TSO4 | HOST_TSO6 | HOST_ECN | GUEST_CSUM)
            | when(self.offload && delivers.tso4, GUEST_TSO4 | GUEST_ECN)
            | when(self.offload && delivers.tso6, GUEST_TSO6 | GUEST_ECN)
    }
}

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
    /// Frames off the wire that were dropped: no driver, no link, or a buffer that is too small.
    pub receive_dropped: u64,
}

/// The device behind the transport.
pub struct VirtioNet {
    config: Config,
    link: bool,
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
            counters: Counters::default(),
            transmitter: Transmitter::default(),
            receiver: Receiver::default(),
        }
    }

    /// What passed so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// `struct virtio_net_config` up to and with `mtu` (section 5.1.4).
    fn configuration(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..6].copy_from_slice(&self.config.mac);
        let status = if self.link { VIRTIO_NET_S_LINK_UP as u16 } else { 0 };
        bytes[6..8].copy_from_slice(&status.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.config.mtu.unwrap_or(0).to_le_bytes());
        bytes
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
        &[QUEUE_SIZE; 2]
    }

    fn accepts(&self, features: u64) -> bool {
        REQUIREMENTS.iter().all(|(any, all)| features & any == 0 || features & all == *all)
    }

    fn read_configuration(&self, offset: usize, data: &mut [u8]) {
        read_bytes(&self.configuration(), offset, data);
    }

    fn start(&mut self, features: u64) {
        self.transmitter.start(features);
        self.receiver.start(features);
    }

    fn stop(&mut self) {
        self.transmitter.start(0);
        self.receiver.start(0);
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

    fn set_link(&mut self, up: bool) {
        if std::mem::replace(&mut self.device.link, up) != up {
            self.transport.configuration_changed();
        }
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
