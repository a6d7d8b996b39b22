//! The control queue: what the driver asks for beside frames (section 5.1.6.5).
//!
//! A command is a chain: class, number and data in what the device reads, one byte for the answer
//! in what it writes. A command that is not known, was not negotiated or makes no sense is answered
//! with an error; a chain without room for the answer is a fault. [`Settings`] is all that commands
//! change.

use std::sync::Arc;

use virtio_bindings::virtio_net::{
    VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
    VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
    VIRTIO_NET_CTRL_MAC_TABLE_SET, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
    VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, VIRTIO_NET_CTRL_VLAN_DEL,
    VIRTIO_NET_ERR, VIRTIO_NET_OK,
};

use super::features::{
    CTRL_GUEST_OFFLOADS, CTRL_MAC_ADDR, CTRL_RX, CTRL_RX_EXTRA, CTRL_VLAN, Config, GUEST_ANNOUNCE,
    GUEST_OFFLOADS, MQ,
};
use super::filter::{Filter, MAX_ADDRESSES, Mode, Table};
use crate::ethernet::address::Cast;
use crate::memory::{DmaMemory, Gather};
use crate::virtio::{Chain, Fault, Served, split};

/// Bytes before a command's data: its class and number.
const HEAD: usize = 2;

const RX: u8 = VIRTIO_NET_CTRL_RX as u8;
const MAC: u8 = VIRTIO_NET_CTRL_MAC as u8;
const MAC_TABLE_SET: u8 = VIRTIO_NET_CTRL_MAC_TABLE_SET as u8;
const MAC_ADDR_SET: u8 = VIRTIO_NET_CTRL_MAC_ADDR_SET as u8;
const VLAN: u8 = VIRTIO_NET_CTRL_VLAN as u8;
const VLAN_ADD: u8 = VIRTIO_NET_CTRL_VLAN_ADD as u8;
const VLAN_DEL: u8 = VIRTIO_NET_CTRL_VLAN_DEL as u8;
const ANNOUNCE: u8 = VIRTIO_NET_CTRL_ANNOUNCE as u8;
const ANNOUNCE_ACK: u8 = VIRTIO_NET_CTRL_ANNOUNCE_ACK as u8;
const PAIRS: u8 = VIRTIO_NET_CTRL_MQ as u8;
const PAIRS_SET: u8 = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET as u8;
const OFFLOADS: u8 = VIRTIO_NET_CTRL_GUEST_OFFLOADS as u8;
const OFFLOADS_SET: u8 = VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET as u8;

/// The modes that each feature lets a driver switch, by number.
const MODES: [(u64, Mode); 6] = [
    (CTRL_RX, Mode::Promiscuous),
    (CTRL_RX, Mode::AllMulticast),
    (CTRL_RX_EXTRA, Mode::AllUnicast),
    (CTRL_RX_EXTRA, Mode::NoMulticast),
    (CTRL_RX_EXTRA, Mode::NoUnicast),
    (CTRL_RX_EXTRA, Mode::NoBroadcast),
];

/// What commands change.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What was negotiated.
    pub negotiated: u64,
    /// Of that, what is in effect: the driver may switch off what it takes unfinished.
    pub features: u64,
    /// Which frames it wants; the pairs share it, and a command that changes it makes a new one.
    pub filter: Arc<Filter>,
    /// It has been asked to announce itself, and has not yet said that it did.
    pub announce: bool,
    /// Pairs of queues that it uses.
    pub active: u16,
    /// Pairs of queues that there are.
    pairs: u16,
}

/// A command: its data lie behind [`HEAD`].
struct Command<'a> {
    memory: &'a DmaMemory,
    bytes: Gather,
}

impl Settings {
    /// Those of a driver that negotiated `features` with a device that offers `config`.
    pub fn new(features: u64, config: &Config) -> Self {
        let mut filter = Filter::open(config.mac);
        if features & CTRL_VLAN != 0 {
            filter.close_vlans();
        }
        let pairs = config.pairs;
        let filter = Arc::new(filter);
        Self { negotiated: features, features, filter, announce: false, active: 1, pairs }
    }

    /// Does what the command of `chain` asks for, and answers it.
    pub fn serve(&mut self, chain: Chain<'_>, memory: &DmaMemory) -> Result<Served, Fault> {
        let (mut bytes, mut answer) = (Gather::default(), Gather::default());
        split(chain, memory, &mut bytes, &mut answer)?;
        if answer.is_empty() {
            return Err(Fault::ChainTooShort);
        }
        let done = self.obey(&Command { memory, bytes })?;
        let status = if done.is_some() { VIRTIO_NET_OK } else { VIRTIO_NET_ERR };
        answer.write(memory, 0, &[status as u8])?;
        Ok(Served::Done(1))
    }

    /// Obeys; `None` if it cannot.
    fn obey(&mut self, command: &Command<'_>) -> Result<Option<()>, Fault> {
        let Some([class, number]) = command.at::<HEAD>(0)? else { return Ok(None) };
        Ok(match (class, number) {
            (RX, _) => command.data()?.and_then(|[on]| self.switch(number, on)),
            (MAC, MAC_TABLE_SET) => command.tables()?.and_then(|tables| self.fill(tables)),
            (MAC, MAC_ADDR_SET) => command.data()?.and_then(|mac| self.rename(mac)),
            (VLAN, VLAN_ADD | VLAN_DEL) => command
                .data()?
                .and_then(|id| self.admit(u16::from_le_bytes(id), number == VLAN_ADD)),
            (ANNOUNCE, ANNOUNCE_ACK) => {
                self.allowed(GUEST_ANNOUNCE).map(|()| self.announce = false)
            }
            (PAIRS, PAIRS_SET) => {
                command.data()?.and_then(|count| self.spread(u16::from_le_bytes(count)))
            }
            (OFFLOADS, OFFLOADS_SET) => {
                command.data()?.and_then(|set| self.take(u64::from_le_bytes(set)))
            }
            _ => None,
        })
    }

    /// The filter, to change it.
    fn filter(&mut self) -> &mut Filter {
        Arc::make_mut(&mut self.filter)
    }

    fn allowed(&self, feature: u64) -> Option<()> {
        (self.negotiated & feature != 0).then_some(())
    }

    fn switch(&mut self, number: u8, on: u8) -> Option<()> {
        let (feature, mode) = MODES.get(usize::from(number))?;
        self.allowed(*feature)?;
        self.filter().set(*mode, on != 0);
        Some(())
    }

    fn fill(&mut self, (unicast, multicast): (Table, Table)) -> Option<()> {
        self.allowed(CTRL_RX)?;
        let filter = self.filter();
        (filter.unicast, filter.multicast) = (unicast, multicast);
        Some(())
    }

    fn rename(&mut self, mac: [u8; 6]) -> Option<()> {
        self.allowed(CTRL_MAC_ADDR)?;
        (Cast::of(mac) == Cast::Unicast).then(|| self.filter().mac = mac)
    }

    fn admit(&mut self, id: u16, on: bool) -> Option<()> {
        self.allowed(CTRL_VLAN)?;
        self.filter().set_vlan(id, on).then_some(())
    }

    fn spread(&mut self, count: u16) -> Option<()> {
        self.allowed(MQ)?;
        (1..=self.pairs).contains(&count).then(|| self.active = count)
    }

    fn take(&mut self, offloads: u64) -> Option<()> {
        self.allowed(CTRL_GUEST_OFFLOADS)?;
        let features = self.negotiated & !GUEST_OFFLOADS | offloads;
        let known = offloads & !(self.negotiated & GUEST_OFFLOADS) == 0;
        (known && super::features::are_consistent(features)).then(|| self.features = features)
    }
}

impl Command<'_> {
    /// `N` bytes from byte `at` on; `None` where there are fewer.
    fn at<const N: usize>(&self, at: usize) -> Result<Option<[u8; N]>, Fault> {
        let mut bytes = [0; N];
        let end = at.saturating_add(N);
        Ok((self.bytes.copy(self.memory, at..end, &mut bytes)? == N).then_some(bytes))
    }

    /// The data, if they are `N` bytes.
    fn data<const N: usize>(&self) -> Result<Option<[u8; N]>, Fault> {
        if self.bytes.len() == HEAD + N { self.at(HEAD) } else { Ok(None) }
    }

    /// The two tables of addresses that the data are.
    fn tables(&self) -> Result<Option<(Table, Table)>, Fault> {
        let Some((unicast, next)) = self.table(HEAD)? else { return Ok(None) };
        let Some((multicast, end)) = self.table(next)? else { return Ok(None) };
        Ok((end == self.bytes.len()).then_some((unicast, multicast)))
    }

    /// The table at byte `at`, and where it ends: a count, then as many addresses. No more are
    /// read than a table holds.
    fn table(&self, at: usize) -> Result<Option<(Table, usize)>, Fault> {
        let Some(count) = self.at(at)?.map(u32::from_le_bytes) else { return Ok(None) };
        let (count, start) = (count as usize, at + 4);
        let end = count.checked_mul(6).and_then(|length| start.checked_add(length));
        let Some(end) = end.filter(|end| *end <= self.bytes.len()) else { return Ok(None) };
        let mut bytes = [0; 6 * MAX_ADDRESSES];
        let read = self.bytes.copy(self.memory, start..end, &mut bytes)?;
        Ok(Some((Table::new(count, bytes.get(..read).unwrap_or_default()), end)))
    }
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
