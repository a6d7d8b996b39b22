//! Which incoming frames the driver wants: by address, and by VLAN (sections 5.1.6.5.1 to 5.1.6.5.3).

use crate::ethernet::address::Cast;
use crate::ethernet::headers::{ETHERTYPE_AT, VLAN};

/// Addresses of each kind that the tables hold. With more, every address of the kind passes.
pub const MAX_ADDRESSES: usize = 64;

/// VLANs there are.
const VLANS: usize = 4096;
/// The VLAN of a tag, beside priority.
const VLAN_MASK: u16 = 0xfff;

/// Ways to receive that a driver switches one by one; the numbers are the commands'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Everything.
    Promiscuous = 0,
    /// Every multicast.
    AllMulticast = 1,
    /// Every unicast.
    AllUnicast = 2,
    /// No multicast.
    NoMulticast = 3,
    /// No unicast.
    NoUnicast = 4,
    /// No broadcast.
    NoBroadcast = 5,
}

/// Addresses of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(Option<Vec<[u8; 6]>>);

impl Table {
    /// `count` addresses out of `bytes`; every address there is if they are more than it holds.
    pub fn new(count: usize, bytes: &[u8]) -> Self {
        let addresses = bytes.as_chunks::<6>().0;
        Self((count <= MAX_ADDRESSES).then(|| addresses.to_vec()))
    }

    /// With none.
    pub fn empty() -> Self {
        Self(Some(Vec::new()))
    }

    fn has(&self, address: [u8; 6]) -> bool {
        self.0.as_ref().is_none_or(|addresses| addresses.contains(&address))
    }
}

/// What a driver asked to receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The station address.
    pub mac: [u8; 6],
    /// Further unicast addresses.
    pub unicast: Table,
    /// Multicast addresses.
    pub multicast: Table,
    modes: u8,
    /// A bit for each VLAN that passes; without it all do.
    vlans: Option<Box<[u64; VLANS / 64]>>,
}

impl Filter {
    /// Lets everything in, as a device does until its driver has said what it wants.
    pub fn open(mac: [u8; 6]) -> Self {
        let (unicast, multicast) = (Table::empty(), Table::empty());
        Self { mac, unicast, multicast, modes: 1 << Mode::Promiscuous as u8, vlans: None }
    }

    /// Lets no VLAN in but those that [`Filter::set_vlan`] names.
    pub fn close_vlans(&mut self) {
        self.vlans = Some(Box::new([0; VLANS / 64]));
    }

    /// Switches a mode.
    pub fn set(&mut self, mode: Mode, on: bool) {
        let bit = 1 << mode as u8;
        self.modes = if on { self.modes | bit } else { self.modes & !bit };
    }

    /// Lets VLAN `id` in, or no longer. Answers false where there is no such VLAN, or no filter.
    pub fn set_vlan(&mut self, id: u16, on: bool) -> bool {
        let word = self.vlans.as_mut().and_then(|vlans| vlans.get_mut(usize::from(id) / 64));
        let Some(word) = word else { return false };
        let bit = 1 << (id % 64);
        *word = if on { *word | bit } else { *word & !bit };
        true
    }

    fn is(&self, mode: Mode) -> bool {
        self.modes & 1 << mode as u8 != 0
    }

    /// Whether the driver wants `frame`.
    pub fn takes(&self, frame: &[u8]) -> bool {
        if self.is(Mode::Promiscuous) {
            return true;
        }
        let Some(destination) = frame.first_chunk::<6>() else { return false };
        self.takes_vlan(frame) && self.takes_address(*destination)
    }

    fn takes_address(&self, to: [u8; 6]) -> bool {
        match Cast::of(to) {
            Cast::Broadcast => !self.is(Mode::NoBroadcast),
            Cast::Multicast => {
                !self.is(Mode::NoMulticast)
                    && (self.is(Mode::AllMulticast) || self.multicast.has(to))
            }
            Cast::Unicast => {
                !self.is(Mode::NoUnicast)
                    && (self.is(Mode::AllUnicast) || to == self.mac || self.unicast.has(to))
            }
        }
    }

    /// Frames without a tag, and with one that gives nothing but a priority, belong to no VLAN.
    fn takes_vlan(&self, frame: &[u8]) -> bool {
        let Some(vlans) = &self.vlans else { return true };
        let id = match frame.get(ETHERTYPE_AT..).and_then(<[u8]>::first_chunk::<4>) {
            Some([a, b, c, d]) if u16::from_be_bytes([*a, *b]) == VLAN => {
                u16::from_be_bytes([*c, *d]) & VLAN_MASK
            }
            _ => 0,
        };
        id == 0 || vlans.get(usize::from(id) / 64).is_some_and(|word| word >> (id % 64) & 1 != 0)
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
