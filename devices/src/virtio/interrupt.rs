//! How a virtio device interrupts: MSI-X vectors, or INTx with the ISR status register.

use crate::pci::msix::{Msix, NO_VECTOR};

/// ISR bit 0: a queue has used buffers (INTx alone).
const ISR_QUEUE: u8 = 1 << 0;
/// ISR bit 1: the configuration changed.
const ISR_CONFIGURATION: u8 = 1 << 1;

/// The interrupt side of one function.
pub struct Interrupts {
    pub(super) msix: Msix,
    /// Vector for configuration changes, or [`NO_VECTOR`].
    pub(super) configuration_vector: u16,
    isr: u8,
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
        Self { msix, configuration_vector: NO_VECTOR, isr: 0 }
    }

    /// Tells the driver that a queue has used buffers.
    pub fn queue(&mut self, vector: u16) {
        if self.msix.enabled() {
            self.msix.send(vector);
        } else {
            self.isr |= ISR_QUEUE;
        }
    }

    /// Tells the driver that the configuration, or the status, changed.
    pub fn configuration(&mut self) {
        self.isr |= ISR_CONFIGURATION;
        if self.msix.enabled() {
            self.msix.send(self.configuration_vector);
        }
    }

    /// A vector as the driver may set it: [`NO_VECTOR`] stands for those beyond the table.
    pub fn allowed(&self, vector: u16) -> u16 {
        if vector < self.msix.vectors() { vector } else { NO_VECTOR }
    }

    /// Reads the ISR status register, which clears it.
    pub fn take_isr(&mut self) -> u8 {
        std::mem::take(&mut self.isr)
    }

    /// Whether an INTx is pending; none is while MSI-X is on.
    pub fn pending(&self) -> bool {
        self.isr != 0 && !self.msix.enabled()
    }

    /// Forgets what is pending and the configuration vector; the MSI-X table belongs to PCI.
    pub fn reset(&mut self) {
        self.isr = 0;
        self.configuration_vector = NO_VECTOR;
    }
}
