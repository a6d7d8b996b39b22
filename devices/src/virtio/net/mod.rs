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
//!    unfinished, how many pairs of queues it uses. Every pair is told what was said.
//! 5. A pair of queues is driven by itself: [`PairHandle`] needs neither the function's lock nor that of
//!    another pair.
//!
//! The function carries the transitional PCI ID 1af4:1000, revision 0, subsystem ID 1, as the
//! virtio NICs of 2022 did: `lspci` names it "Red Hat, Inc Virtio network device", which it says
//! only of that ID. There is no legacy I/O BAR: Linux takes a transitional ID's device type from
//! the subsystem ID and drives it through the modern capabilities if they are there.

mod carrier;
mod control;
mod features;
mod filter;
mod header;
mod pair;
mod receive;
mod transmit;

use std::sync::{Arc, Mutex};

use virtio_bindings::virtio_ids::VIRTIO_ID_NET;

use super::transport::RING_RESET;
use super::{Kind, Transport, TransportError, VirtioDevice, VirtioPci, read_bytes, serve};
use crate::interrupt::Messages;
use crate::memory::DmaMemory;
use crate::net::{Backend, Metadata, Nic, Offloads, QueuePair, Receipt, Transmit};
use crate::sync::lock;
use carrier::Carried;
pub use carrier::{Carrier, Ring};
use control::Settings;
pub use features::Config;
use features::{GUEST_ANNOUNCE, MQ};
use pair::{Pair, PairHandle};

/// The most pairs of queues that a NIC may have.
pub const MAX_PAIRS: u16 = 32;

/// The greatest size of a receive or transmit queue.
const QUEUE_SIZE: u16 = 256;
/// The greatest size of the control queue.
const CONTROL_SIZE: u16 = 64;
/// The longest frame either way: an IP packet of 65535 bytes behind Ethernet and a VLAN tag.
const MAX_FRAME: usize = 65535 + 14 + 4;

/// Index of the receive queue of pair `pair`.
pub const fn receive_queue(pair: u16) -> u16 {
    2 * pair
}

/// Index of the transmit queue of pair `pair`.
pub const fn transmit_queue(pair: u16) -> u16 {
    2 * pair + 1
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
    /// Frames off the wire that were dropped: no driver, no link, longer than the MTU, or a buffer
    /// that is too small.
    pub receive_dropped: u64,
    /// Frames off the wire that the driver does not want.
    pub filtered: u64,
}

impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.transmitted += other.transmitted;
        self.transmitted_bytes += other.transmitted_bytes;
        self.transmit_dropped += other.transmit_dropped;
        self.received += other.received;
        self.received_bytes += other.received_bytes;
        self.receive_dropped += other.receive_dropped;
        self.filtered += other.filtered;
    }
}

/// The device behind the transport.
pub struct VirtioNet {
    config: Config,
    link: bool,
    settings: Settings,
    queue_sizes: Vec<u16>,
    pairs: Vec<Arc<Mutex<Pair>>>,
    /// Whoever moves the frames of each pair, if that is not us.
    carriers: Vec<Carried>,
}

impl VirtioNet {
    /// A NIC on the PCI bus, with its link up. `messages` has room for [`Config::vectors`].
    pub fn function(
        config: Config,
        memory: DmaMemory,
        messages: Arc<dyn Messages>,
    ) -> Result<VirtioPci<Self>, TransportError> {
        VirtioPci::new(Self::new(config), memory, messages)
    }

    /// The same, but the frames of each pair are moved by one of `carriers`: nobody shall drive them
    /// here.
    pub fn carried(
        config: Config,
        carriers: Vec<Box<dyn Carrier>>,
        memory: DmaMemory,
        messages: Arc<dyn Messages>,
    ) -> Result<VirtioPci<Self>, TransportError> {
        let carriers = carriers.into_iter().map(Carried::new).collect();
        VirtioPci::new(Self { carriers, ..Self::new(config) }, memory, messages)
    }

    /// The bare device.
    pub fn new(config: Config) -> Self {
        let settings = Settings::new(0, &config);
        let pairs = usize::from(config.pairs);
        let mut queue_sizes = vec![QUEUE_SIZE; 2 * pairs];
        queue_sizes.push(CONTROL_SIZE);
        let pairs = (0..pairs).map(|_| Arc::default()).collect();
        let carriers = Vec::new();
        Self { config, link: true, settings, queue_sizes, pairs, carriers }
    }

    /// What passed so far.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        self.pairs.iter().for_each(|pair| sum += lock(pair).counters());
        sum
    }

    /// Index of the control queue: behind all pairs if the driver knows of more than one (section
    /// 5.1.2).
    fn control_queue(&self) -> u16 {
        let many = self.settings.negotiated & MQ != 0;
        receive_queue(if many { self.config.pairs } else { 1 })
    }

    /// Starts over with a driver that negotiated `features`.
    fn begin(&mut self, features: u64) {
        self.settings = Settings::new(features, &self.config);
        for pair in &self.pairs {
            lock(pair).start(features, self.config.mtu);
        }
        self.apply();
    }

    /// Has every pair do as the settings and the link are now.
    fn apply(&mut self) {
        let Settings { features, filter, active, .. } = &self.settings;
        for (pair, index) in self.pairs.iter().zip(0..) {
            lock(pair).apply(*features, filter.clone(), index < *active, self.link);
        }
        let takes = features::taken(*features);
        for (carried, index) in self.carriers.iter_mut().zip(0..) {
            carried.tell(takes, index < *active);
        }
    }
}

impl VirtioDevice for VirtioNet {
    fn kind(&self) -> Kind {
        Kind { id: VIRTIO_ID_NET as u16, pci_device: 0x1000, revision: 0, class: [2, 0, 0] }
    }

    fn features(&self) -> u64 {
        let all = self.config.features();
        if self.carriers.is_empty() { all } else { all & !features::FILTERS }
    }

    fn withholds(&self) -> u64 {
        if self.carriers.is_empty() { 0 } else { RING_RESET }
    }

    fn carry(&mut self, transport: &Transport, on: bool) {
        let features = self.settings.negotiated;
        for (carried, pair) in self.carriers.iter_mut().zip(0..) {
            let ring = |queue| transport.handle(queue).and_then(|handle| handle.ring());
            match (ring(receive_queue(pair)), ring(transmit_queue(pair))) {
                (Some(receive), Some(transmit)) if on => {
                    carried.start(features, [receive, transmit]);
                }
                _ => carried.halt(),
            }
        }
    }

    fn queue_sizes(&self) -> &[u16] {
        &self.queue_sizes
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
        self.carriers.iter_mut().for_each(Carried::forget);
        self.begin(0);
    }

    fn notified(&mut self, queue: u16, transport: &mut Transport) -> bool {
        if queue != self.control_queue() {
            // A carrier rings where it has no vector to send.
            if !self.carriers.is_empty() {
                transport.interrupt(queue);
            }
            return false;
        }
        let settings = &mut self.settings;
        let more = serve(transport, queue, |chain, memory| settings.serve(chain, memory));
        self.apply();
        more
    }

    fn as_nic(function: &mut VirtioPci<Self>) -> Option<&mut dyn Nic> {
        Some(function)
    }
}

impl VirtioPci<VirtioNet> {
    /// Pair `index`, for whoever drives it.
    fn pair(&self, index: u16) -> Option<PairHandle> {
        Some(PairHandle {
            pair: self.device.pairs.get(usize::from(index))?.clone(),
            receive: self.transport.handle(receive_queue(index))?,
            transmit: self.transport.handle(transmit_queue(index))?,
        })
    }
}

/// The function as a NIC: as frames go, its first pair.
impl Nic for VirtioPci<VirtioNet> {
    fn transmit(&mut self, backend: &mut dyn Backend) -> Transmit {
        self.pair(0).map_or(Transmit::Idle, |mut pair| pair.transmit(backend))
    }

    fn receive(&mut self, frame: &[u8], metadata: Metadata) -> Receipt {
        self.pair(0).map_or(Receipt::Done, |mut pair| pair.receive(frame, metadata))
    }

    fn flush(&mut self) {
        if let Some(mut pair) = self.pair(0) {
            pair.flush();
        }
    }

    /// A link that comes up may lead elsewhere than before: the driver is asked to announce
    /// itself there.
    fn set_link(&mut self, up: bool) {
        let device = &mut self.device;
        if std::mem::replace(&mut device.link, up) != up {
            device.settings.announce = up && device.settings.negotiated & GUEST_ANNOUNCE != 0;
            device.apply();
            self.transport.configuration_changed();
        }
    }

    fn takes(&self) -> Offloads {
        features::taken(self.device.settings.features)
    }

    fn pairs(&self) -> Vec<QueuePair> {
        let pair = |index| {
            let bells = [receive_queue(index), transmit_queue(index)].map(u32::from);
            Some(QueuePair { nic: Box::new(self.pair(index)?), bells })
        };
        (0..self.device.config.pairs).filter_map(pair).collect()
    }
}

#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile_tests;
#[cfg(test)]
#[path = "pair_tests.rs"]
mod pair_tests;
