//! A driver of virtio-net over modern PCI (virtio 1.2, sections 4.1 and 5.1): transmit only.

use crate::frame::{Frame, TCP, TCP_CHECKSUM};
use crate::msix::Table;
use crate::pci::{self, Function};
use crate::virtqueue::Virtqueue;
use crate::{contract::headers, io, memory};

const VENDOR: u8 = 0x09;
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;

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

/// Feature bits 31:0: CSUM, HOST_TSO4, HOST_ECN.
const FEATURES_LOW: u32 = 1 << 0 | 1 << 11 | 1 << 13;
/// Feature bits 63:32: VERSION_1.
const FEATURES_HIGH: u32 = 1;

const TRANSMIT: u16 = 1;
const QUEUE: u16 = 64;
/// The table entry of the transmit queue.
const ENTRY: u16 = 1;
/// Bytes of `struct virtio_net_hdr_v1`.
const HEADER: usize = 12;
const NEEDS_CHECKSUM: u8 = 1;
const TCP4_WITH_ECN: u8 = 0x81;

/// The NIC and its transmit queue.
pub struct VirtioNet {
    queue: Virtqueue,
    doorbell: u64,
}

impl VirtioNet {
    /// Finds the NIC and starts it, its transmit queue interrupting by `vector`.
    pub fn open(vector: u8) -> Self {
        let function = pci::find(0x1af4, 0x1000);
        function.set_command(pci::COMMAND_MEMORY | pci::COMMAND_MASTER);
        Table::enable(function).route(ENTRY.into(), vector);
        let (common, _) = structure(function, COMMON);
        let (notify, at) = structure(function, NOTIFY);
        let multiplier = u64::from(function.read(at + 16));

        io::write(common + STATUS, 0u8);
        io::write(common + STATUS, ACKNOWLEDGE_DRIVER);
        for (word, features) in [(0u32, FEATURES_LOW), (1, FEATURES_HIGH)] {
            io::write(common + DRIVER_FEATURE_SELECT, word);
            io::write(common + DRIVER_FEATURE, features);
        }
        io::write(common + STATUS, ACKNOWLEDGE_DRIVER | FEATURES_OK);
        let agreed = io::read::<u8>(common + STATUS) & FEATURES_OK != 0;
        assert!(agreed, "the NIC does not take these features");

        let queue = Virtqueue::new(QUEUE);
        io::write(common + QUEUE_SELECT, TRANSMIT);
        io::write(common + QUEUE_SIZE, QUEUE);
        io::write(common + QUEUE_VECTOR, ENTRY);
        assert!(io::read::<u16>(common + QUEUE_VECTOR) == ENTRY, "the NIC has no such vector");
        for (register, address) in
            QUEUE_ADDRESSES.into_iter().zip([queue.descriptors, queue.available, queue.used])
        {
            io::write(common + register, address as u32);
            io::write(common + register + 4, (address >> 32) as u32);
        }
        let offset: u16 = io::read(common + QUEUE_NOTIFY_OFFSET);
        io::write(common + QUEUE_ENABLE, 1u16);
        io::write(common + STATUS, ACKNOWLEDGE_DRIVER | FEATURES_OK | DRIVER_OK);
        Self { queue, doorbell: notify + multiplier * u64::from(offset) }
    }

    /// Sends a super-frame in pieces of `piece`, to be cut to `mss` bytes of payload each.
    pub fn send(&mut self, frame: Frame, piece: usize, mss: u16) {
        let header = memory::allocate(HEADER);
        io::write(header, NEEDS_CHECKSUM);
        io::write(header + 1, TCP4_WITH_ECN);
        for (offset, value) in
            [(2, headers::LENGTH as u16), (4, mss), (6, TCP as u16), (8, TCP_CHECKSUM as u16)]
        {
            io::write(header + offset, value);
        }
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
