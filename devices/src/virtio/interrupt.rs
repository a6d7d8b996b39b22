//! How a virtio device interrupts: MSI-X vectors, or INTx with the ISR status register.

use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

use crate::pci::msix::{Msix, NO_VECTOR};

/// ISR bit 0: a queue has used buffers (INTx alone).
const ISR_QUEUE: u8 = 1 << 0;
/// ISR bit 1: the configuration changed.
const ISR_CONFIGURATION: u8 = 1 << 1;

/// The interrupt side of one function.
pub struct Interrupts {
    pub(super) msix: Msix,
    /// Vector for configuration changes, or [`NO_VECTOR`].
    configuration_vector: AtomicU16,
    isr: AtomicU8,
}

impl std::fmt::Debug for Interrupts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interrupts")
            .field("isr", &self.isr)
            .field("configuration_vector", &self.configuration_vector)
            .finish_non_exhaustive()
    }
}

impl Interrupts {
    /// Nothing pending.
    pub fn new(msix: Msix) -> Self {
        Self { msix, configuration_vector: AtomicU16::new(NO_VECTOR), isr: AtomicU8::new(0) }
    }

    /// Tells the driver that a queue has used buffers.
    pub fn queue(&self, vector: u16) {
        if self.msix.enabled() {
            self.msix.send(vector);
        } else {
            self.isr.fetch_or(ISR_QUEUE, Ordering::SeqCst);
        }
    }

    /// Tells the driver that the configuration, or the status, changed.
    pub fn configuration(&self) {
        self.isr.fetch_or(ISR_CONFIGURATION, Ordering::SeqCst);
        if self.msix.enabled() {
            self.msix.send(self.configuration_vector());
        }
    }

    /// The vector for configuration changes, or [`NO_VECTOR`].
    pub fn configuration_vector(&self) -> u16 {
        self.configuration_vector.load(Ordering::SeqCst)
    }

    /// Sets the vector for configuration changes, if there is such a one.
    pub fn set_configuration_vector(&self, vector: u16) {
        self.configuration_vector.store(self.allowed(vector), Ordering::SeqCst);
    }

    /// A vector as the driver may set it: [`NO_VECTOR`] stands for those beyond the table.
    pub fn allowed(&self, vector: u16) -> u16 {
        if vector < self.msix.vectors() { vector } else { NO_VECTOR }
    }

    /// Reads the ISR status register, which clears it.
    pub fn take_isr(&self) -> u8 {
        self.isr.swap(0, Ordering::SeqCst)
    }

    /// Whether an INTx is pending; none is while MSI-X is on.
    pub fn pending(&self) -> bool {
        self.isr.load(Ordering::SeqCst) != 0 && !self.msix.enabled()
    }

    /// Forgets what is pending and the configuration vector; the MSI-X table belongs to PCI.
    pub fn reset(&self) {
        self.isr.store(0, Ordering::SeqCst);
        self.configuration_vector.store(NO_VECTOR, Ordering::SeqCst);
    }
}
