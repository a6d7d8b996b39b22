//! A virtio device as a PCI function.
//!
//! Accesses to configuration space and BARs are routed to the common registers, the MSI-X table,
//! the device's own configuration or a doorbell. Every queue's doorbell has its own address and
//! any width and value ring it, so that the machine may catch it without looking at the
//! instruction.

use std::sync::Arc;

use super::capabilities::{
    self, BAR, BAR_SIZE, MAX_QUEUES, MSIX_BAR, NOTIFY, NOTIFY_STRIDE, Place, Window,
};
use super::{Interrupts, Transport, TransportError, VirtioDevice, WOKEN, common};
use crate::bus::Action;
use crate::interrupt::Messages;
use crate::memory::DmaMemory;
use crate::net::Nic;
use crate::pci::config::{Bar, BarKind, COMMAND_NO_INTX, Configuration, Identity};
use crate::pci::msix::{self, MAX_VECTORS, Msix};
use crate::pci::{Doorbell, Function};

/// PCI vendor of all virtio devices.
const VENDOR: u16 = 0x1af4;
/// INTA.
const PIN: u8 = 1;

/// `device` on the PCI bus.
pub struct VirtioPci<D> {
    pub(super) device: D,
    pub(super) transport: Transport,
    configuration: Configuration,
    window: Window,
    /// Doorbells whose work stopped at a cap, or could not be done without bus mastering.
    unfinished: Vec<u32>,
}

impl<D: VirtioDevice> VirtioPci<D> {
    /// Puts `device` behind a function whose DMA reaches `memory` and whose MSI-X messages leave
    /// through `messages`.
    pub fn new(
        device: D,
        memory: DmaMemory,
        messages: Arc<dyn Messages>,
    ) -> Result<Self, TransportError> {
        let queues = device.queue_sizes().len();
        // One vector for each queue and one for the configuration.
        let vectors = u16::try_from(queues + 1).ok().filter(|count| *count <= MAX_VECTORS);
        let vectors = vectors.filter(|_| queues <= MAX_QUEUES);
        let vectors = vectors.ok_or(TransportError::Queues(queues))?;
        let kind = device.kind();
        let mut configuration = Configuration::new(Identity {
            vendor: VENDOR,
            device: kind.pci_device,
            class: kind.class,
            revision: kind.revision,
            subsystem_vendor: VENDOR,
            subsystem: kind.id,
        })
        .with_bar(MSIX_BAR, Bar { kind: BarKind::Memory32, size: msix::BAR_SIZE })
        .with_bar(BAR, Bar { kind: BarKind::Memory32, size: BAR_SIZE })
        .with_pin(PIN);
        let msix = Msix::new(&mut configuration, MSIX_BAR as u8, vectors, messages)
            .ok_or(TransportError::Capabilities)?;
        let window = capabilities::add(&mut configuration).ok_or(TransportError::Capabilities)?;
        memory.set_enabled(false);
        let transport = Transport::new(&device, memory, Interrupts::new(msix))?;
        Ok(Self { device, transport, configuration, window, unfinished: Vec::new() })
    }

    /// The device itself.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// What it agreed on with the driver.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Has everything looked at that may have been kicked, or become ready, while the device could not
    /// reach memory.
    fn catch_up(&mut self) {
        let queues = 0..self.transport.queues.len() as u32;
        self.unfinished = std::iter::once(WOKEN).chain(queues).collect();
    }
}

impl<D: VirtioDevice> Function for VirtioPci<D> {
    fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    fn read_config(&mut self, offset: usize, data: &mut [u8]) {
        self.configuration.set_interrupt_status(self.transport.shared.interrupts.pending());
        if self.window.touched(offset, data.len())
            && let Some((bar, at, width)) = self.window.target(&self.configuration)
        {
            let mut value = [0; 4];
            self.read_bar(bar, at, &mut value[..width]);
            self.window.fill(&mut self.configuration, value);
        }
        self.configuration.read(offset, data);
    }

    fn write_config(&mut self, offset: usize, data: &[u8]) -> Action {
        let had_bus = self.configuration.bus_master();
        let action = self.configuration.write(offset, data);
        let has_bus = self.configuration.bus_master();
        if had_bus && !has_bus {
            self.device.carry(&self.transport, false);
        }
        self.transport.set_bus_master(has_bus);
        if !had_bus && has_bus && self.transport.running() {
            self.device.carry(&self.transport, true);
            self.catch_up();
        }
        self.transport.shared.interrupts.msix.configuration_written(&self.configuration);
        if self.window.touched(offset, data.len())
            && let Some((bar, at, width)) = self.window.target(&self.configuration)
        {
            let value = self.window.data(&self.configuration);
            let through = self.write_bar(bar, at, &value[..width]);
            return if action == Action::None { through } else { action };
        }
        action
    }

    fn read_bar(&mut self, bar: usize, offset: u64, data: &mut [u8]) {
        data.fill(0);
        match (bar, Place::at(offset)) {
            (MSIX_BAR, _) if offset < msix::BAR_SIZE => {
                self.transport.shared.interrupts.msix.read(offset, data);
            }
            (BAR, Place::Common(at)) => common::read(&self.transport, at, data),
            (BAR, Place::Device(at)) => self.device.read_configuration(at, data),
            (BAR, Place::Isr) => {
                if let Some(byte) = data.first_mut() {
                    *byte = self.transport.shared.interrupts.take_isr();
                }
            }
            _ => {}
        }
    }

    fn write_bar(&mut self, bar: usize, offset: u64, data: &[u8]) -> Action {
        match (bar, Place::at(offset)) {
            (MSIX_BAR, _) if offset < msix::BAR_SIZE => {
                self.transport.shared.interrupts.msix.write(offset, data);
            }
            (BAR, Place::Common(at)) => {
                let was_running = self.transport.running();
                common::write(&mut self.transport, &mut self.device, at, data);
                if self.transport.running() != was_running {
                    // A worker that waits for room must hear that there is no driver any more.
                    return Action::Service;
                }
            }
            (BAR, Place::Device(at)) => self.device.write_configuration(at, data),
            (BAR, Place::Doorbell(queue)) => {
                self.ring(queue.into());
                return Action::Service;
            }
            _ => {}
        }
        Action::None
    }

    fn doorbells(&self) -> Vec<Doorbell> {
        let doorbell = |queue: usize| Doorbell {
            bar: BAR,
            offset: NOTIFY + NOTIFY_STRIDE * queue as u64,
            width: 0,
            value: None,
            id: queue as u32,
        };
        (0..self.transport.queues.len()).map(doorbell).collect()
    }

    fn ring(&mut self, id: u32) {
        // Also where the driver took the queue back: nothing is left of its work then.
        self.unfinished.retain(|other| *other != id);
        if id == WOKEN {
            for queue in self.device.woken(&mut self.transport) {
                self.ring(queue.into());
            }
        }
        let Ok(queue) = u16::try_from(id) else { return };
        if self.transport.queue(queue).is_some() && self.device.notified(queue, &mut self.transport)
        {
            self.unfinished.push(id);
        }
    }

    fn unfinished(&self) -> Option<u32> {
        self.unfinished.first().copied().filter(|_| self.transport.running())
    }

    fn level(&self) -> bool {
        let disabled = self.configuration.command() & COMMAND_NO_INTX != 0;
        self.transport.shared.interrupts.pending() && !disabled
    }

    fn as_nic(&mut self) -> Option<&mut dyn Nic> {
        D::as_nic(self)
    }

    fn reset(&mut self) {
        self.transport.reset(&mut self.device);
        self.unfinished.clear();
        self.transport.shared.interrupts.msix.reset();
        self.transport.set_bus_master(false);
        self.configuration.reset();
    }
}

#[cfg(test)]
#[path = "function_tests.rs"]
mod tests;
