//! A driver of virtio-net over modern PCI (virtio 1.2, sections 4.1 and 5.1): what programs share.

use crate::frame::{Frame, TCP, TCP_CHECKSUM};
use crate::msix::Table;
use crate::pci::{self, Function};
use crate::virtqueue::Virtqueue;
use crate::{contract::headers, io, memory};

const VENDOR: u8 = 0x09;
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;

const DEVICE_FEATURE_SELECT: u64 = 0x00;
const DEVICE_FEATURE: u64 = 0x04;
const DRIVER_FEATURE_SELECT: u64 = 0x08;
const DRIVER_FEATURE: u64 = 0x0c;
const STATUS: u64 = 0x14;
const QUEUE_SELECT: u64 = 0x16;
const QUEUE_SIZE: u64 = 0x18;
const QUEUE_VECTOR: u64 = 0x1a;
const QUEUE_ENABLE: u64 = 0x1c;
const QUEUE_NOTIFY_OFFSET: u64 = 0x1e;
const QUEUE_ADDRESSES: [u64; 3] = [0x20, 0x28, 0x30];

const ACKNOWLEDGE_DRIVER: u8 = 3;
const FEATURES_OK: u8 = 8;
const DRIVER_OK: u8 = 4;

/// Features 31:0 for frames whose checksum is left to the device: CSUM.
pub const CSUM: u64 = 1 << 0;
/// Features for super-frames over IPv4: HOST_TSO4 and HOST_ECN.
pub const HOST_TSO4_ECN: u64 = 1 << 11 | 1 << 13;
/// Feature: a received frame may spread over several buffers.
pub const MRG_RXBUF: u64 = 1 << 15;
/// Feature: either side says from where on it wants to be told.
pub const EVENT_INDEX: u64 = 1 << 29;
const VERSION_1: u64 = 1 << 32;

/// The receive queue.
pub const RECEIVE: u16 = 0;
/// The transmit queue.
pub const TRANSMIT: u16 = 1;
const QUEUE: u16 = 64;
/// Bytes of `struct virtio_net_hdr_v1`.
pub const HEADER: usize = 12;
const NEEDS_CHECKSUM: u8 = 1;
const TCP4_WITH_ECN: u8 = 0x81;

/// Where the structures of the NIC lie.
#[derive(Clone, Copy)]
pub struct Device {
    common: u64,
    notify: u64,
    multiplier: u64,
    table: Table,
}

impl Device {
    /// Finds NIC `number` and resets it.
    pub fn find(number: usize) -> Self {
        let function = pci::find_number(number, 0x1af4, 0x1000);
        function.set_command(pci::COMMAND_MEMORY | pci::COMMAND_MASTER);
        let table = Table::enable(function);
        let (common, _) = structure(function, COMMON);
        let (notify, at) = structure(function, NOTIFY);
        let multiplier = u64::from(function.read(at + 16));
        io::write(common + STATUS, 0u8);
        io::write(common + STATUS, ACKNOWLEDGE_DRIVER);
        Self { common, notify, multiplier, table }
    }

    /// Agrees on `features`, or answers that the NIC does not have them all.
    pub fn negotiate(self, features: u64) -> bool {
        let features = features | VERSION_1;
        let offered = [0u32, 1].map(|word| {
            io::write(self.common + DEVICE_FEATURE_SELECT, word);
            u64::from(io::read::<u32>(self.common + DEVICE_FEATURE)) << (32 * word)
        });
        if features & !(offered[0] | offered[1]) != 0 {
            return false;
        }
        for word in [0u32, 1] {
            io::write(self.common + DRIVER_FEATURE_SELECT, word);
            io::write(self.common + DRIVER_FEATURE, (features >> (32 * word)) as u32);
        }
        io::write(self.common + STATUS, ACKNOWLEDGE_DRIVER | FEATURES_OK);
        io::read::<u8>(self.common + STATUS) & FEATURES_OK != 0
    }

    /// Gives the NIC queue `index`, which interrupts by `vector`. Answers it and its doorbell.
    pub fn queue(self, index: u16, size: u16, vector: u8) -> (Virtqueue, u64) {
        // Each queue has the table entry of its own number.
        self.table.route(index.into(), vector);
        let common = self.common;
        let queue = Virtqueue::new(size);
        io::write(common + QUEUE_SELECT, index);
        io::write(common + QUEUE_SIZE, size);
        io::write(common + QUEUE_VECTOR, index);
        assert!(io::read::<u16>(common + QUEUE_VECTOR) == index, "the NIC has no such vector");
        for (register, address) in
            QUEUE_ADDRESSES.into_iter().zip([queue.descriptors, queue.available, queue.used])
        {
            io::write(common + register, address as u32);
            io::write(common + register + 4, (address >> 32) as u32);
        }
        let offset: u16 = io::read(common + QUEUE_NOTIFY_OFFSET);
        io::write(common + QUEUE_ENABLE, 1u16);
        (queue, self.notify + self.multiplier * u64::from(offset))
    }

    /// The driver is ready.
    pub fn start(self) {
        io::write(self.common + STATUS, ACKNOWLEDGE_DRIVER | FEATURES_OK | DRIVER_OK);
    }
}

/// Fills in the header at `at` for a TCP super-frame that is to be cut to `mss` bytes of payload each.
pub fn ask_for_segments(at: u64, mss: u16) {
    io::write(at, NEEDS_CHECKSUM);
    io::write(at + 1, TCP4_WITH_ECN);
    for (offset, value) in
        [(2, headers::LENGTH as u16), (4, mss), (6, TCP as u16), (8, TCP_CHECKSUM as u16)]
    {
        io::write(at + offset, value);
    }
}

/// The NIC and its transmit queue.
pub struct VirtioNet {
    queue: Virtqueue,
    doorbell: u64,
}

impl VirtioNet {
    /// Finds the NIC and starts it, its transmit queue interrupting by `vector`.
    pub fn open(vector: u8) -> Self {
        let device = Device::find(0);
        assert!(device.negotiate(CSUM | HOST_TSO4_ECN), "the NIC does not take these features");
        let (queue, doorbell) = device.queue(TRANSMIT, QUEUE, vector);
        device.start();
        Self { queue, doorbell }
    }

    /// Sends a super-frame in pieces of `piece`, to be cut to `mss` bytes of payload each.
    pub fn send(&mut self, frame: Frame, piece: usize, mss: u16) {
        let header = memory::allocate(HEADER);
        ask_for_segments(header, mss);
        self.queue.add(core::iter::once((header, HEADER)).chain(frame.pieces(piece)));
        io::write(self.doorbell, TRANSMIT);
    }

    /// Frames that the NIC has sent.
    pub fn sent(&self) -> u16 {
        self.queue.completed()
    }
}

/// Where the structure of type `kind` lies, and the capability that tells.
fn structure(function: Function, kind: u8) -> (u64, u8) {
    let mut at = function.capability(VENDOR, 0);
    while let Some(capability) = at {
        let header = function.read(capability);
        if (header >> 24) as u8 == kind {
            let bar = function.bar((function.read(capability + 4) & 0xff) as usize);
            return (bar + u64::from(function.read(capability + 8)), capability);
        }
        at = match (header >> 8) as u8 {
            0 => None,
            next => function.capability(VENDOR, next),
        };
    }
    panic!("no virtio structure of type {kind}")
}
