//! The PCI bus of the machine: slots, where their BARs decode, and their doorbells in KVM.
//!
//! Functions start with their BARs assigned, as firmware leaves them, each memory BAR in pages of
//! its own. The guest may move and disable them at will; [`PciBus::remap`] then brings buses,
//! ioeventfds and mirror pages in line, by the rules of [`devices::pci::decode`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use devices::bus::{Bus, RangeError};
use devices::pci::config::{BARS, Bar, BarKind};
use devices::pci::decode::{Decoder, Place, Windows};
use devices::pci::{ConfigurationPorts, Doorbell, Function, SLOTS};
use devices::platform::GeneralEvents;
use devices::sync::lock;
use kvm_ioctls::{IoEventAddress, NoDatamatch, VmFd};
use vm_memory::{GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

use super::error::{Error, Result};
use super::irqchip::PinLine;
use super::layout;
use super::memory::{MirrorPage, SlotNumbers};
use super::slot::{Bell, Slot, Window};
use super::wake::WakeLine;

/// An address space that vCPUs read and event handlers change.
pub type SharedBus = Arc<RwLock<Bus>>;

const PAGE: u64 = MirrorPage::SIZE as u64;

/// A function, and the doorbells behind each BAR that KVM watches.
struct Entry {
    slot: Arc<Slot>,
    watched: [Vec<Doorbell>; BARS],
}

/// All functions, and where their BARs decode.
struct Plugged {
    decoder: Decoder,
    entries: Vec<Entry>,
}

/// The bus.
pub struct PciBus {
    vm: Arc<VmFd>,
    numbers: SlotNumbers,
    ports: Arc<Mutex<ConfigurationPorts>>,
    pio: SharedBus,
    mmio: SharedBus,
    /// Where PME# leads.
    events: Arc<Mutex<GeneralEvents>>,
    plugged: Mutex<Plugged>,
    next_memory: Mutex<u64>,
    next_port: Mutex<u64>,
    /// A refused BAR was logged; the guest can make any number of them.
    warned: AtomicBool,
}

impl PciBus {
    /// An empty bus, its configuration ports on `pio`, PME# leading to `events`.
    pub fn new(
        vm: Arc<VmFd>,
        memory: &GuestMemoryMmap,
        numbers: SlotNumbers,
        pio: SharedBus,
        mmio: SharedBus,
        events: Arc<Mutex<GeneralEvents>>,
    ) -> Result<Self> {
        let ports = Arc::new(Mutex::new(ConfigurationPorts::default()));
        pio.write().unwrap_or_else(PoisonError::into_inner).insert(
            layout::PCI_CONFIG,
            ConfigurationPorts::LENGTH,
            ports.clone(),
        )?;
        let ram = memory.iter().map(|region| {
            let start = region.start_addr().0;
            start..start + region.len()
        });
        let decoder = Decoder::new(ram);
        Ok(Self {
            vm,
            numbers,
            ports,
            pio,
            mmio,
            events,
            plugged: Mutex::new(Plugged { decoder, entries: Vec::new() }),
            next_memory: Mutex::new(layout::PCI_MEMORY),
            next_port: Mutex::new(layout::PCI_IO),
            warned: AtomicBool::new(false),
        })
    }

    /// Plugs `function` into slot `number`. Reads of memory BAR `mirrored` are served from a
    /// page where the function allows it.
    pub fn plug(
        &self,
        number: usize,
        function: Box<dyn Function>,
        mirrored: Option<usize>,
    ) -> Result<Arc<Slot>> {
        self.plug_with(number, function, mirrored, Vec::new())
    }

    /// The same with some of the doorbells' events given.
    pub fn plug_with(
        &self,
        number: usize,
        mut function: Box<dyn Function>,
        mirrored: Option<usize>,
        bells: Vec<Bell>,
    ) -> Result<Arc<Slot>> {
        if number >= SLOTS {
            return Err(Error::TooManyDevices(SLOTS));
        }
        self.assign(number, function.as_mut());
        let line = Arc::new(PinLine::new(&self.vm, layout::pci_gsi(number))?);
        let wake = WakeLine::new(self.events.clone());
        let mirror = match mirrored {
            Some(bar) => Some((bar, MirrorPage::new(&self.numbers)?)),
            None => None,
        };
        let slot = Arc::new(Slot::new(self.vm.clone(), function, line, wake, mirror, bells)?);
        lock(&self.ports).insert(number, slot.clone());
        lock(&self.plugged)
            .entries
            .push(Entry { slot: slot.clone(), watched: [const { Vec::new() }; BARS] });
        Ok(slot)
    }

    /// Assigns BARs and the interrupt line, as firmware does.
    fn assign(&self, number: usize, function: &mut dyn Function) {
        for bar in 0..BARS {
            let Some(Bar { kind, size }) = function.configuration().bar(bar) else { continue };
            let (next, least) = match kind {
                BarKind::Io => (&self.next_port, 4),
                BarKind::Memory32 | BarKind::Memory64 => (&self.next_memory, PAGE),
            };
            let mut next = lock(next);
            let address = next.next_multiple_of(size.max(least));
            *next = address + size.max(least);
            let register = 0x10 + 4 * bar;
            let _ = function.write_config(register, &(address as u32).to_le_bytes());
            if kind == BarKind::Memory64 {
                let high = (address >> 32) as u32;
                let _ = function.write_config(register + 4, &high.to_le_bytes());
            }
        }
        let line = layout::pci_gsi(number) as u8;
        let _ = function.write_config(0x3c, &[line]);
    }

    /// Brings buses, doorbells and mirror pages in line with the BARs as they are now.
    pub fn remap(&self) {
        let mut plugged = lock(&self.plugged);
        let Plugged { decoder, entries } = &mut *plugged;
        let decoded = |function: &mut dyn Function| {
            std::array::from_fn(|bar| function.configuration().decoded(bar))
        };
        let wanted: Vec<_> = entries.iter().map(|entry| entry.slot.drive(decoded)).collect();
        let refusal = decoder.follow(&wanted, &mut Connect { bus: self, entries });
        if let Some(refusal) = refusal.filter(|_| !self.warned.swap(true, Ordering::Relaxed)) {
            tracing::warn!("{refusal}; others are not logged");
        }
        for (number, entry) in entries.iter().enumerate() {
            entry.slot.place_mirror(|bar| decoder.page(number, bar));
        }
    }

    fn bus(&self, kind: BarKind) -> &SharedBus {
        if kind == BarKind::Io { &self.pio } else { &self.mmio }
    }

    /// Has KVM watch a doorbell, or stop. Answers whether it does as asked.
    fn watch(&self, slot: &Slot, kind: BarKind, base: u64, bell: &Doorbell, on: bool) -> bool {
        let Some(event) = slot.bell(bell.id) else { return false };
        let at = base + bell.offset;
        let at =
            if kind == BarKind::Io { IoEventAddress::Pio(at) } else { IoEventAddress::Mmio(at) };
        let vm = &self.vm;
        macro_rules! change {
            ($value:expr) => {
                if on {
                    vm.register_ioevent(event, &at, $value)
                } else {
                    vm.unregister_ioevent(event, &at, $value)
                }
            };
        }
        let changed = match (bell.value, bell.width) {
            (Some(value), 1) => change!(value as u8),
            (Some(value), 2) => change!(value as u16),
            (Some(value), 4) => change!(value as u32),
            (Some(value), 8) => change!(value),
            _ => change!(NoDatamatch),
        };
        if let Err(error) = changed {
            tracing::debug!("KVM does not watch the doorbell at {base:#x}: {error}");
        }
        changed.is_ok()
    }
}

/// The buses, and KVM's eyes on the doorbells there.
struct Connect<'b> {
    bus: &'b PciBus,
    entries: &'b mut [Entry],
}

impl Windows for Connect<'_> {
    fn enter(
        &mut self,
        function: usize,
        bar: usize,
        (Bar { kind, size }, address): Place,
    ) -> std::result::Result<(), RangeError> {
        let Entry { slot, watched } = &mut self.entries[function];
        let mut bells = slot.drive(|function| function.doorbells());
        bells.retain(|bell| bell.bar == bar);
        let window = Arc::new(Window::new(slot.clone(), bar, bells.clone()));
        let bus = self.bus.bus(kind);
        bus.write().unwrap_or_else(PoisonError::into_inner).insert(address, size, window)?;
        bells.retain(|bell| self.bus.watch(slot, kind, address, bell, true));
        watched[bar] = bells;
        Ok(())
    }

    fn leave(&mut self, function: usize, bar: usize, (Bar { kind, .. }, address): Place) {
        let Entry { slot, watched } = &mut self.entries[function];
        for bell in watched[bar].drain(..) {
            self.bus.watch(slot, kind, address, &bell, false);
        }
        let bus = self.bus.bus(kind);
        bus.write().unwrap_or_else(PoisonError::into_inner).remove(address);
    }
}
