//! What a virtio-net offers: its feature bits and its configuration space (sections 5.1.3, 5.1.4).

use virtio_bindings::virtio_net::{
    VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_CTRL_MAC_ADDR,
    VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_VQ,
    VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_ECN,
    VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_HOST_ECN,
    VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_MAC, VIRTIO_NET_F_MQ,
    VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_MTU, VIRTIO_NET_F_SPEED_DUPLEX, VIRTIO_NET_F_STATUS,
    VIRTIO_NET_S_ANNOUNCE, VIRTIO_NET_S_LINK_UP,
};

use crate::net::Offloads;

pub(super) const CSUM: u64 = 1 << VIRTIO_NET_F_CSUM;
pub(super) const HOST_TSO4: u64 = 1 << VIRTIO_NET_F_HOST_TSO4;
pub(super) const HOST_TSO6: u64 = 1 << VIRTIO_NET_F_HOST_TSO6;
pub(super) const HOST_ECN: u64 = 1 << VIRTIO_NET_F_HOST_ECN;
pub(super) const GUEST_CSUM: u64 = 1 << VIRTIO_NET_F_GUEST_CSUM;
pub(super) const GUEST_TSO4: u64 = 1 << VIRTIO_NET_F_GUEST_TSO4;
pub(super) const GUEST_TSO6: u64 = 1 << VIRTIO_NET_F_GUEST_TSO6;
pub(super) const GUEST_ECN: u64 = 1 << VIRTIO_NET_F_GUEST_ECN;
pub(super) const MRG_RXBUF: u64 = 1 << VIRTIO_NET_F_MRG_RXBUF;
pub(super) const MTU: u64 = 1 << VIRTIO_NET_F_MTU;
pub(super) const MQ: u64 = 1 << VIRTIO_NET_F_MQ;
pub(super) const CTRL_VQ: u64 = 1 << VIRTIO_NET_F_CTRL_VQ;
pub(super) const CTRL_RX: u64 = 1 << VIRTIO_NET_F_CTRL_RX;
pub(super) const CTRL_RX_EXTRA: u64 = 1 << VIRTIO_NET_F_CTRL_RX_EXTRA;
pub(super) const CTRL_VLAN: u64 = 1 << VIRTIO_NET_F_CTRL_VLAN;
pub(super) const CTRL_MAC_ADDR: u64 = 1 << VIRTIO_NET_F_CTRL_MAC_ADDR;
pub(super) const CTRL_GUEST_OFFLOADS: u64 = 1 << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS;
pub(super) const GUEST_ANNOUNCE: u64 = 1 << VIRTIO_NET_F_GUEST_ANNOUNCE;
const MAC: u64 = 1 << VIRTIO_NET_F_MAC;
const STATUS: u64 = 1 << VIRTIO_NET_F_STATUS;
const SPEED_DUPLEX: u64 = 1 << VIRTIO_NET_F_SPEED_DUPLEX;

/// What the driver may switch off and on again of what it takes unfinished.
pub(super) const GUEST_OFFLOADS: u64 = GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6 | GUEST_ECN;
/// What every device offers for its control queue.
const CONTROL: u64 = CTRL_VQ | CTRL_RX | CTRL_RX_EXTRA | CTRL_VLAN | CTRL_MAC_ADDR | GUEST_ANNOUNCE;

/// What needs somebody who looks at every frame.
pub(super) const FILTERS: u64 = CTRL_RX | CTRL_RX_EXTRA | CTRL_VLAN;

/// Features that ask for others (section 5.1.3.1): with any of the first, all of the second.
const REQUIREMENTS: [(u64, u64); 4] = [
    (HOST_TSO4 | HOST_TSO6 | HOST_ECN, CSUM),
    (GUEST_TSO4 | GUEST_TSO6, GUEST_CSUM),
    (GUEST_ECN, GUEST_CSUM),
    (CONTROL & !CTRL_RX_EXTRA | CTRL_GUEST_OFFLOADS | MQ, CTRL_VQ),
];

/// Whether `features` has, for each, what it asks for.
pub(super) fn are_consistent(features: u64) -> bool {
    REQUIREMENTS.iter().all(|(any, all)| features & any == 0 || features & all == *all)
}

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
    /// The speed to tell the driver, in Mbit/s and full duplex, if any.
    pub speed: Option<u32>,
    /// Pairs of queues: 1 to [`MAX_PAIRS`](super::MAX_PAIRS).
    pub pairs: u16,
    /// What the backend may deliver unfinished; with `offload`, offered to the driver.
    pub delivers: Offloads,
}

impl Config {
    /// Everything on, for a backend that delivers finished frames.
    pub fn new(mac: [u8; 6]) -> Self {
        let delivers = Offloads::default();
        Self { mac, offload: true, mergeable: true, mtu: None, speed: None, pairs: 1, delivers }
    }

    /// MSI-X vectors of the function: one for its configuration, and one for each queue, with that of
    /// control commands.
    pub fn vectors(&self) -> u16 {
        2 * self.pairs + 2
    }

    pub(super) fn features(&self) -> u64 {
        let when = |wanted: bool, features: u64| if wanted { features } else { 0 };
        let delivers = self.delivers;
        let sends = CSUM | HOST_TSO4 | HOST_TSO6 | HOST_ECN;
        MAC | STATUS
            | CONTROL
            | when(self.mergeable, MRG_RXBUF)
            | when(self.mtu.is_some(), MTU)
            | when(self.pairs > 1, MQ)
            | when(self.speed.is_some(), SPEED_DUPLEX)
            | when(self.offload, sends | GUEST_CSUM | CTRL_GUEST_OFFLOADS)
            | when(self.offload && delivers.tso4, GUEST_TSO4 | GUEST_ECN)
            | when(self.offload && delivers.tso6, GUEST_TSO6 | GUEST_ECN)
    }
}

/// What a driver with `features` in effect takes unfinished.
pub(super) fn taken(features: u64) -> Offloads {
    let has = |feature| features & feature != 0;
    Offloads { checksum: has(GUEST_CSUM), tso4: has(GUEST_TSO4), tso6: has(GUEST_TSO6) }
}

/// Bytes of `struct virtio_net_config` up to and with `duplex`.
const SPACE: usize = 17;
/// `duplex`: both ways at once.
const FULL_DUPLEX: u8 = 1;
/// `duplex` where nobody knows.
const UNKNOWN_DUPLEX: u8 = 0xff;
/// `speed` where nobody knows.
const UNKNOWN_SPEED: u32 = u32::MAX;

/// The configuration space of a device that offers `config` and has address `mac` now.
pub(super) fn space(config: &Config, mac: [u8; 6], link: bool, announce: bool) -> [u8; SPACE] {
    let bit = |set: bool, bit: u32| if set { bit as u16 } else { 0 };
    let status = bit(link, VIRTIO_NET_S_LINK_UP) | bit(announce, VIRTIO_NET_S_ANNOUNCE);
    let duplex = if config.speed.is_some() { FULL_DUPLEX } else { UNKNOWN_DUPLEX };
    let mut bytes = [0; SPACE];
    bytes[..6].copy_from_slice(&mac);
    bytes[6..8].copy_from_slice(&status.to_le_bytes());
    bytes[8..10].copy_from_slice(&config.pairs.to_le_bytes());
    bytes[10..12].copy_from_slice(&config.mtu.unwrap_or(0).to_le_bytes());
    bytes[12..16].copy_from_slice(&config.speed.unwrap_or(UNKNOWN_SPEED).to_le_bytes());
    bytes[16] = duplex;
    bytes
}
