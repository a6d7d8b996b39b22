//! What the driver and the device agreed on: status, features, queues.
//!
//! The driver climbs `ACKNOWLEDGE`, `DRIVER`, `FEATURES_OK`, `DRIVER_OK` (section 3.1); a bit whose
//! predecessor is missing does not stick, nor does `FEATURES_OK` with features that were not
//! offered, lack `VERSION_1`, or that the device refuses. Writing 0 resets at any time.

use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER, VIRTIO_CONFIG_S_DRIVER_OK,
    VIRTIO_CONFIG_S_FAILED, VIRTIO_CONFIG_S_FEATURES_OK, VIRTIO_CONFIG_S_NEEDS_RESET,
    VIRTIO_F_RING_RESET, VIRTIO_F_VERSION_1,
};
use virtio_bindings::virtio_ring::{VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC};

use std::sync::{Arc, MutexGuard};

use super::shared::Shared;
use super::{ActiveQueue, Fault, Interrupts, QueueHandle, VirtioDevice, Virtqueue};
use crate::memory::DmaMemory;
use crate::pci::msix::NO_VECTOR;

const ACKNOWLEDGE: u8 = VIRTIO_CONFIG_S_ACKNOWLEDGE as u8;
const DRIVER: u8 = VIRTIO_CONFIG_S_DRIVER as u8;
const FEATURES_OK: u8 = VIRTIO_CONFIG_S_FEATURES_OK as u8;
pub(super) const DRIVER_OK: u8 = VIRTIO_CONFIG_S_DRIVER_OK as u8;
pub(super) const NEEDS_RESET: u8 = VIRTIO_CONFIG_S_NEEDS_RESET as u8;
pub(super) const FAILED: u8 = VIRTIO_CONFIG_S_FAILED as u8;

const EVENT_INDEX: u64 = 1 << VIRTIO_RING_F_EVENT_IDX;
const VERSION_1: u64 = 1 << VIRTIO_F_VERSION_1;
pub(super) const RING_RESET: u64 = 1 << VIRTIO_F_RING_RESET;
/// What the transport offers for every device.
const OWN_FEATURES: u64 = 1 << VIRTIO_RING_F_INDIRECT_DESC | EVENT_INDEX | VERSION_1 | RING_RESET;

/// Why a device could not be put on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// A queue's maximum size is not a power of two up to 32768
    #[error("queue {0} has a maximum size that is not a power of two up to 32768")]
    QueueSize(usize),
    /// More queues than the notification page or the MSI-X table has room for
    #[error("{0} queues are more than the transport has room for")]
    Queues(usize),
    /// Configuration space is full
    #[error("PCI configuration space has no room for the capabilities")]
    Capabilities,
}

/// The state that driver and device share.
#[derive(Debug)]
pub struct Transport {
    pub(super) shared: Arc<Shared>,
    pub(super) queues: Vec<QueueHandle>,
    pub(super) offered: u64,
    pub(super) device_feature_select: u32,
    pub(super) driver_feature_select: u32,
    pub(super) driver_features: u64,
    pub(super) queue_select: u16,
    pub(super) generation: u8,
}

impl Transport {
    /// A transport with one queue for each of `device`'s sizes.
    pub fn new(
        device: &impl VirtioDevice,
        memory: DmaMemory,
        interrupts: Interrupts,
    ) -> Result<Self, TransportError> {
        let shared = Arc::new(Shared::new(memory, interrupts));
        let queues = device.queue_sizes().iter().enumerate().map(|(index, size)| {
            let queue = Virtqueue::new(*size).ok_or(TransportError::QueueSize(index))?;
            Ok(QueueHandle::new(queue, shared.clone()))
        });
        Ok(Self {
            queues: queues.collect::<Result<_, _>>()?,
            shared,
            offered: device.features() | OWN_FEATURES & !device.withholds(),
            device_feature_select: 0,
            driver_feature_select: 0,
            driver_features: 0,
            queue_select: 0,
            generation: 0,
        })
    }

    /// Guest memory.
    pub fn memory(&self) -> &DmaMemory {
        &self.shared.memory
    }

    /// Device status, as the driver reads it.
    pub fn status(&self) -> u8 {
        self.shared.status()
    }

    /// Faults of the driver so far.
    pub fn faults(&self) -> u64 {
        self.shared.faults()
    }

    /// Whether the driver is ready, has done nothing wrong and has not given up.
    pub fn running(&self) -> bool {
        self.shared.running()
    }

    /// Whether queue `index` could work but for bus mastering, which is off.
    pub fn waits_for_bus(&self, index: u16) -> bool {
        let queue = self.queues.get(usize::from(index));
        let enabled = queue.is_some_and(|queue| queue.setup().enabled());
        self.running() && enabled && self.memory().ram().is_none()
    }

    /// Queue `index` for work; `None` while the driver is not ready, the queue is not enabled or
    /// bus mastering is off.
    pub fn queue(&mut self, index: u16) -> Option<ActiveQueue<'_>> {
        self.queues.get(usize::from(index))?.active()
    }

    /// A share in queue `index`, for whoever works on it without the function's lock.
    pub fn handle(&self, index: u16) -> Option<QueueHandle> {
        self.queues.get(usize::from(index)).cloned()
    }

    /// Interrupts the driver for queue `index`, whatever it asked for.
    pub fn interrupt(&self, index: u16) {
        if let Some(queue) = self.queues.get(usize::from(index)) {
            let vector = queue.setup().vector;
            self.shared.interrupts.queue(vector);
        }
    }

    /// Opens or closes the gate to guest memory (PCI command register, bit 2). Once it is closed
    /// nobody is in there any more.
    pub(super) fn set_bus_master(&self, on: bool) {
        let was_on = self.shared.memory.ram().is_some();
        self.shared.memory.set_enabled(on);
        if was_on && !on {
            self.queues.iter().for_each(|queue| drop(queue.setup()));
        }
    }

    /// Stops the device for a fault of the driver until the driver resets it (section 2.1.2).
    pub fn fail(&mut self, fault: Fault) {
        self.shared.fail(fault);
    }

    /// Tells the driver that the device's configuration space changed.
    pub fn configuration_changed(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        if self.running() {
            self.shared.interrupts.configuration();
        }
    }

    /// The driver writes the status register.
    pub(super) fn write_status(&mut self, device: &mut dyn VirtioDevice, value: u8) {
        if value == 0 {
            self.reset(device);
            return;
        }
        if value & FAILED != 0 {
            self.shared.raise(FAILED);
        }
        let mut before = 0;
        for bit in [ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK] {
            let climbs = value & bit != 0 && self.status() & (before | bit) == before;
            if climbs && (bit != FEATURES_OK || self.negotiated(device)) {
                if bit == DRIVER_OK {
                    device.start(self.driver_features);
                }
                self.shared.raise(bit);
                if bit == DRIVER_OK && self.memory().ram().is_some() {
                    device.carry(self, true);
                }
            }
            before |= bit;
        }
    }

    fn negotiated(&self, device: &dyn VirtioDevice) -> bool {
        let features = self.driver_features;
        features & !self.offered == 0
            && features & VERSION_1 != 0
            && device.accepts(features & !OWN_FEATURES)
    }

    /// The driver writes its features; they are fixed once `FEATURES_OK` stands.
    pub(super) fn write_features(&mut self, value: u32) {
        let shift = match self.driver_feature_select {
            0 => 0,
            1 => 32,
            _ => return,
        };
        if self.status() & FEATURES_OK == 0 {
            self.driver_features &= !(0xffff_ffff << shift);
            self.driver_features |= u64::from(value) << shift;
        }
    }

    /// The queue the driver selected.
    pub(super) fn selected(&self) -> Option<MutexGuard<'_, Virtqueue>> {
        self.queues.get(usize::from(self.queue_select)).map(QueueHandle::setup)
    }

    /// The queue the driver selected, while its layout may still be written.
    pub(super) fn selected_open(&self) -> Option<MutexGuard<'_, Virtqueue>> {
        self.selected().filter(|queue| !queue.enabled())
    }

    /// The driver enables the selected queue.
    pub(super) fn enable_queue(&mut self) {
        let event_index = self.driver_features & EVENT_INDEX != 0;
        if self.status() & FEATURES_OK == 0 {
            return;
        }
        let memory = self.memory().clone();
        let enabled = self.selected_open().map(|mut queue| queue.enable(&memory, event_index));
        if let Some(Err(fault)) = enabled {
            self.fail(fault);
        }
    }

    /// The driver resets the selected queue (section 2.6.1).
    pub(super) fn reset_queue(&mut self, device: &mut dyn VirtioDevice) {
        if self.driver_features & RING_RESET == 0 {
            return;
        }
        if let Some(queue) = self.queues.get(usize::from(self.queue_select)) {
            device.queue_reset(self.queue_select);
            queue.setup().reset();
        }
    }

    /// Back to the state before the driver came.
    pub(super) fn reset(&mut self, device: &mut dyn VirtioDevice) {
        self.shared.clear();
        for queue in &self.queues {
            let mut queue = queue.setup();
            queue.reset();
            queue.vector = NO_VECTOR;
        }
        self.shared.interrupts.reset();
        self.device_feature_select = 0;
        self.driver_feature_select = 0;
        self.driver_features = 0;
        self.queue_select = 0;
        device.stop();
    }
}
