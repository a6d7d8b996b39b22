//! The driver's side, for tests: probes a function as Linux does, and works its rings.

mod frames;
mod ring;
mod workbench;

use std::sync::{Arc, Mutex};

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::capabilities::{BAR, MSIX_BAR};
use super::{VirtioDevice, VirtioPci};
use crate::interrupt::{Message, Messages};
use crate::memory::DmaMemory;
use crate::net::{Backend, Metadata, Nic, Receipt, Transmit};
use crate::pci::Function;
pub use frames::{header, open_checksum, place, plain};
pub use ring::{INDIRECT, NEXT, Ring, WRITE};
pub use workbench::Workbench;

pub const ACKNOWLEDGE: u8 = 1;
pub const DRIVER: u8 = 2;
pub const DRIVER_OK: u8 = 4;
pub const FEATURES_OK: u8 = 8;
pub const NEEDS_RESET: u8 = 64;
pub const FAILED: u8 = 128;

/// Features of the ring and the transport.
pub const VERSION_1: u64 = 1 << 32;
pub const EVENT_INDEX: u64 = 1 << 29;
pub const RING_RESET: u64 = 1 << 40;

/// Bytes of RAM; nothing lies above.
pub const RAM: u64 = 4 << 20;
/// Where tests may put buffers.
pub const BUFFERS: u64 = 0x10_0000;

/// Common configuration registers.
pub mod register {
    pub const DEVICE_FEATURE_SELECT: u64 = 0x00;
    pub const DEVICE_FEATURE: u64 = 0x04;
    pub const DRIVER_FEATURE_SELECT: u64 = 0x08;
    pub const DRIVER_FEATURE: u64 = 0x0c;
    pub const CONFIGURATION_VECTOR: u64 = 0x10;
    pub const STATUS: u64 = 0x14;
    pub const GENERATION: u64 = 0x15;
    pub const QUEUE_SELECT: u64 = 0x16;
    pub const QUEUE_SIZE: u64 = 0x18;
    pub const QUEUE_VECTOR: u64 = 0x1a;
    pub const QUEUE_ENABLE: u64 = 0x1c;
    pub const QUEUE_NOTIFY_OFFSET: u64 = 0x1e;
    pub const QUEUE_DESCRIPTORS: u64 = 0x20;
    pub const QUEUE_AVAILABLE: u64 = 0x28;
    pub const QUEUE_USED: u64 = 0x30;
    pub const QUEUE_RESET: u64 = 0x3a;
    pub const ISR: u64 = 0x1000;
    pub const DEVICE: u64 = 0x2000;
    pub const NOTIFY: u64 = 0x3000;
}

/// Remembers the vectors that were sent.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<u16>>);

impl Recorder {
    /// The vectors sent since the last call.
    pub fn take(&self) -> Vec<u16> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Messages for Recorder {
    fn program(&self, _vector: u16, _message: Option<Message>) {}
    fn send(&self, vector: u16) {
        self.0.lock().unwrap().push(vector);
    }
}

pub fn ram() -> GuestMemoryMmap {
    GuestMemoryMmap::from_ranges(&[(GuestAddress(0), RAM as usize)]).unwrap()
}

/// A driver and the device it drives.
pub type Driver<D> = DriverOf<VirtioPci<D>>;

/// A driver and the function it drives, of whatever kind.
pub struct DriverOf<F: ?Sized> {
    pub ram: GuestMemoryMmap,
    pub sent: Arc<Recorder>,
    pub function: F,
}

impl<D: VirtioDevice> Driver<D> {
    /// A function with bus mastering and memory decoding on, and MSI-X unmasked.
    pub fn new(device: D) -> Self {
        let ram = ram();
        let sent = Arc::new(Recorder::default());
        let memory = DmaMemory::new(ram.clone());
        let mut function = VirtioPci::new(device, memory, sent.clone()).unwrap();
        let _ = function.write_config(0x04, &6u16.to_le_bytes());
        let mut driver = Self { ram, sent, function };
        driver.enable_msix();
        driver
    }
}

impl<F: Function + ?Sized> DriverOf<F> {
    fn enable_msix(&mut self) {
        let at = self.capability(0x11, |_| true);
        let _ = self.function.write_config(at + 2, &0x8000u16.to_le_bytes());
        for vector in 0..8 {
            let _ = self.function.write_bar(MSIX_BAR, vector * 16 + 12, &[0; 4]);
        }
    }

    pub fn disable_msix(&mut self) {
        let at = self.capability(0x11, |_| true);
        let _ = self.function.write_config(at + 2, &0u16.to_le_bytes());
    }

    /// The offset of the first capability `id` whose bytes satisfy `wanted`.
    pub fn capability(&mut self, id: u8, wanted: impl Fn(&[u8]) -> bool) -> usize {
        let mut space = [0; 256];
        self.function.read_config(0, &mut space);
        let mut at = usize::from(space[0x34]);
        while !(space[at] == id && wanted(&space[at..])) {
            at = usize::from(space[at + 1]);
            assert_ne!(at, 0, "no such capability");
        }
        at
    }

    pub fn read(&mut self, register: u64, width: usize) -> u64 {
        let mut data = [0; 8];
        self.function.read_bar(BAR, register, &mut data[..width]);
        u64::from_le_bytes(data)
    }

    pub fn write(&mut self, register: u64, width: usize, value: u64) {
        let _ = self.function.write_bar(BAR, register, &value.to_le_bytes()[..width]);
    }

    pub fn status(&mut self) -> u8 {
        self.read(register::STATUS, 1) as u8
    }

    pub fn offered(&mut self) -> u64 {
        self.write(register::DEVICE_FEATURE_SELECT, 4, 0);
        let low = self.read(register::DEVICE_FEATURE, 4);
        self.write(register::DEVICE_FEATURE_SELECT, 4, 1);
        low | self.read(register::DEVICE_FEATURE, 4) << 32
    }

    /// Resets, and offers `features` to the device; returns the status.
    pub fn negotiate(&mut self, features: u64) -> u8 {
        self.write(register::STATUS, 1, 0);
        self.write(register::STATUS, 1, ACKNOWLEDGE.into());
        self.write(register::STATUS, 1, (ACKNOWLEDGE | DRIVER).into());
        self.write(register::DRIVER_FEATURE_SELECT, 4, 0);
        self.write(register::DRIVER_FEATURE, 4, features & 0xffff_ffff);
        self.write(register::DRIVER_FEATURE_SELECT, 4, 1);
        self.write(register::DRIVER_FEATURE, 4, features >> 32);
        self.write(register::STATUS, 1, (ACKNOWLEDGE | DRIVER | FEATURES_OK).into());
        self.status()
    }

    /// Lays out queue `index` with `size` descriptors and vector `index + 1`, and enables it.
    pub fn enable(&mut self, index: u16, size: u16) -> Ring {
        let ring = Ring::new(self.ram.clone(), index, size);
        self.enable_ring(index, &ring);
        ring
    }

    /// Has queue `index` use `ring`, with vector `index + 1`, and enables it.
    pub fn enable_ring(&mut self, index: u16, ring: &Ring) {
        self.write(register::QUEUE_SELECT, 2, index.into());
        self.write(register::QUEUE_SIZE, 2, ring.size.into());
        self.write(register::QUEUE_DESCRIPTORS, 8, ring.descriptors);
        self.write(register::QUEUE_AVAILABLE, 8, ring.available);
        self.write(register::QUEUE_USED, 8, ring.used);
        self.write(register::QUEUE_VECTOR, 2, u64::from(index) + 1);
        self.write(register::QUEUE_ENABLE, 2, 1);
    }

    pub fn driver_ok(&mut self) {
        self.write(register::CONFIGURATION_VECTOR, 2, 0);
        let all = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
        self.write(register::STATUS, 1, all.into());
    }

    /// Probes with `features` and queues of `size`: receive and transmit rings of a NIC.
    pub fn start(&mut self, features: u64, size: u16) -> (Ring, Ring) {
        let status = self.negotiate(features);
        assert_eq!(status & FEATURES_OK, FEATURES_OK, "features refused");
        let rings = (self.enable(0, size), self.enable(1, size));
        self.driver_ok();
        rings
    }

    pub fn nic(&mut self) -> &mut dyn Nic {
        self.function.as_nic().unwrap()
    }

    pub fn transmit(&mut self, backend: &mut dyn Backend) -> Transmit {
        self.nic().transmit(backend)
    }

    pub fn receive(&mut self, frame: &[u8]) -> Receipt {
        self.nic().receive(frame, Metadata::default())
    }

    pub fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.ram.read_slice(&mut bytes, GuestAddress(address)).unwrap();
        bytes
    }

    pub fn put(&self, address: u64, bytes: &[u8]) {
        self.ram.write_slice(bytes, GuestAddress(address)).unwrap();
    }
}
