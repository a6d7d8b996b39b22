//! Interrupts from user space into KVM's irqchip, all through irqfds.
//!
//! A [`PinLine`] is one function's share of a level-triggered I/O APIC pin: asserting writes its
//! eventfd; the guest's end-of-interrupt releases the pin in the kernel and signals the resample
//! eventfd, upon which whoever drives the function asserts it again if its level is still high.
//! [`MsiVectors`] gives each MSI-X vector a GSI of its own and routes it where the guest says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use devices::interrupt::{Line, Message, Messages};
use devices::sync::lock;
use kvm_bindings::{
    KVM_IRQ_ROUTING_IRQCHIP, KVM_IRQ_ROUTING_MSI, KVM_IRQCHIP_IOAPIC, KVM_IRQCHIP_PIC_MASTER,
    KVM_IRQCHIP_PIC_SLAVE, KvmIrqRouting, kvm_irq_routing_entry,
};
use kvm_ioctls::VmFd;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::error::{Error, Result};
use super::layout;

fn eventfd() -> Result<EventFd> {
    EventFd::new(EFD_NONBLOCK).map_err(|e| Error::System("eventfd", e))
}

/// A level-triggered pin.
pub struct PinLine {
    assert: EventFd,
    resample: EventFd,
    level: AtomicBool,
}

impl PinLine {
    /// A share of pin `gsi`.
    pub fn new(vm: &VmFd, gsi: u32) -> Result<Self> {
        let line = Self { assert: eventfd()?, resample: eventfd()?, level: AtomicBool::new(false) };
        vm.register_irqfd_with_resample(&line.assert, &line.resample, gsi)
            .map_err(|e| Error::Kvm("connect an interrupt line", e))?;
        Ok(line)
    }

    /// Signalled when the guest ended an interrupt of this pin.
    pub fn resample(&self) -> &EventFd {
        &self.resample
    }

    /// To be called after [`PinLine::resample`] fired: asserts the pin again if it is still high.
    pub fn resampled(&self) {
        let _ = self.resample.read();
        if self.level.load(Ordering::SeqCst) {
            let _ = self.assert.write(1);
        }
    }
}

impl Line for PinLine {
    fn set(&self, level: bool) {
        if !self.level.swap(level, Ordering::SeqCst) && level {
            let _ = self.assert.write(1);
        }
    }
}

/// An edge-triggered pin, for the UART.
pub struct EdgeLine(EventFd);

impl EdgeLine {
    /// Pin `gsi`.
    pub fn new(vm: &VmFd, gsi: u32) -> Result<Self> {
        let trigger = eventfd()?;
        vm.register_irqfd(&trigger, gsi).map_err(|e| Error::Kvm("connect an interrupt line", e))?;
        Ok(Self(trigger))
    }
}

impl devices::platform::Trigger for EdgeLine {
    type E = std::io::Error;

    fn trigger(&self) -> std::io::Result<()> {
        self.0.write(1)
    }
}

/// KVM's routing table: the fixed pins and one entry for each message vector.
pub struct Routing {
    vm: Arc<VmFd>,
    entries: Mutex<Vec<kvm_irq_routing_entry>>,
    next: Mutex<u32>,
}

impl Routing {
    /// The pins of a PC: GSI 0 to 15 to the two PICs, all 24 to the I/O APIC, the PIT to pin 2.
    pub fn new(vm: Arc<VmFd>) -> Result<Arc<Self>> {
        let mut entries = Vec::new();
        for gsi in 0..layout::IOAPIC_PINS {
            if gsi < 16 {
                let chip = if gsi < 8 { KVM_IRQCHIP_PIC_MASTER } else { KVM_IRQCHIP_PIC_SLAVE };
                entries.push(pin(gsi, chip, gsi % 8));
            }
            entries.push(pin(gsi, KVM_IRQCHIP_IOAPIC, if gsi == 0 { 2 } else { gsi }));
        }
        entries.retain(|entry| entry.gsi != 2);
        apply(&vm, &entries)?;
        let next = Mutex::new(layout::IOAPIC_PINS);
        Ok(Arc::new(Self { vm, entries: Mutex::new(entries), next }))
    }

    fn allocate(&self, count: u16) -> u32 {
        let mut next = lock(&self.next);
        let first = *next;
        *next += u32::from(count);
        first
    }

    /// Leads `gsi` to `message`. KVM takes the table as a whole, so that each vector that a guest unmasks
    /// at its start costs one; they cannot be put together, for a guest unmasks them one by one, each by
    /// a write after which it may come.
    fn route(&self, gsi: u32, message: Message) -> Result<()> {
        let mut entries = lock(&self.entries);
        entries.retain(|entry| entry.gsi != gsi);
        let mut entry =
            kvm_irq_routing_entry { gsi, type_: KVM_IRQ_ROUTING_MSI, ..Default::default() };
        entry.u.msi.address_lo = message.address as u32;
        entry.u.msi.address_hi = (message.address >> 32) as u32;
        entry.u.msi.data = message.data;
        entries.push(entry);
        apply(&self.vm, &entries)
    }
}

fn apply(vm: &VmFd, entries: &[kvm_irq_routing_entry]) -> Result<()> {
    let table = KvmIrqRouting::from_entries(entries)
        .map_err(|_| Error::System("interrupt routing", std::io::ErrorKind::OutOfMemory.into()))?;
    vm.set_gsi_routing(&table).map_err(|e| Error::Kvm("route an interrupt", e))
}

fn pin(gsi: u32, irqchip: u32, pin: u32) -> kvm_irq_routing_entry {
    let mut entry =
        kvm_irq_routing_entry { gsi, type_: KVM_IRQ_ROUTING_IRQCHIP, ..Default::default() };
    entry.u.irqchip.irqchip = irqchip;
    entry.u.irqchip.pin = pin;
    entry
}

/// A message vector. Sending takes no lock.
struct Vector {
    event: EventFd,
    wiring: Mutex<Wiring>,
}

/// Where KVM leads a vector's event.
#[derive(Default)]
struct Wiring {
    /// The message it is routed to, kept over a mask so that unmasking costs no new routing.
    routed: Option<Message>,
    connected: bool,
}

/// The message vectors of one function.
pub struct MsiVectors {
    routing: Arc<Routing>,
    first_gsi: u32,
    vectors: Vec<Vector>,
}

impl MsiVectors {
    /// `count` vectors, none connected yet.
    pub fn new(routing: Arc<Routing>, count: u16) -> Result<Self> {
        let first_gsi = routing.allocate(count);
        let vectors = (0..count)
            .map(|_| Ok(Vector { event: eventfd()?, wiring: Mutex::default() }))
            .collect::<Result<_>>()?;
        Ok(Self { routing, first_gsi, vectors })
    }

    /// The event that sends `vector`, for whoever sends it from elsewhere. While the vector is masked
    /// the event keeps what it was told, and KVM looks when it is connected again.
    pub fn event(&self, vector: u16) -> Option<EventFd> {
        self.vectors.get(usize::from(vector))?.event.try_clone().ok()
    }

    fn update(&self, index: u16, vector: &Vector, message: Option<Message>) -> Result<()> {
        let mut wiring = lock(&vector.wiring);
        let gsi = self.first_gsi + u32::from(index);
        if let Some(message) = message.filter(|message| wiring.routed != Some(*message)) {
            self.routing.route(gsi, message)?;
            wiring.routed = Some(message);
        }
        let vm = &self.routing.vm;
        if message.is_some() && !wiring.connected {
            vm.register_irqfd(&vector.event, gsi).map_err(|e| Error::Kvm("connect a vector", e))?;
        } else if message.is_none() && wiring.connected {
            vm.unregister_irqfd(&vector.event, gsi)
                .map_err(|e| Error::Kvm("disconnect a vector", e))?;
        }
        wiring.connected = message.is_some();
        Ok(())
    }
}

impl Messages for MsiVectors {
    fn program(&self, vector: u16, message: Option<Message>) {
        let Some(known) = self.vectors.get(usize::from(vector)) else { return };
        if let Err(error) = self.update(vector, known, message) {
            // At debug: the guest decides how often it is said.
            tracing::debug!("interrupt vector {vector}: {error}");
        }
    }

    fn send(&self, vector: u16) {
        if let Some(vector) = self.vectors.get(usize::from(vector)) {
            let _ = vector.event.write(1);
        }
    }
}
