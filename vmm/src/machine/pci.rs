//! The PCI bus of the machine: slots, where their BARs decode, and their doorbells in KVM.
//!
//! Functions start with their BARs assigned, as firmware leaves them, each memory BAR in pages of
//! its own. The guest may move and disable them at will; [`PciBus::remap`] then brings buses,
//! ioeventfds and mirror pages in line. A BAR that lies over another range is left undecoded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use devices::bus::Bus;
use devices::pci::config::{BARS, Bar, BarKind};
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

/// Where a BAR decodes, and which doorbells KVM watches there.
struct Mapping {
    bar: Bar,
    address: u64,
    watched: Vec<Doorbell>,
}

struct Entry {
    slot: Arc<Slot>,
    mappings: [Option<Mapping>; BARS],
}

/// The bus.
pub struct PciBus {
    vm: Arc<VmFd>,
    memory: GuestMemoryMmap,
    numbers: SlotNumbers,
    ports: Arc<Mutex<ConfigurationPorts>>,
    pio: SharedBus,
    mmio: SharedBus,
    /// Where PME# leads.
    events: Arc<Mutex<GeneralEvents>>,
    entries: Mutex<Vec<Entry>>,
    next_memory: Mutex<u64>,
    next_port: Mutex<u64>,
    /// A refused BAR was logged; the guest can make any number of them.
    warned: AtomicBool,
}

impl PciBus {
    /// An empty bus, its configuration ports on `pio`, PME# leading to `events`.
    pub fn new(
        vm: Arc<VmFd>,
        memory: GuestMemoryMmap,
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
        Ok(Self {
            vm,
            memory,
            numbers,
            ports,
            pio,
            mmio,
            events,
            entries: Mutex::default(),
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
        lock(&self.entries).push(Entry { slot: slot.clone(), mappings: [const { None }; BARS] });
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
        let mut entries = lock(&self.entries);
        let mut wanted = Vec::new();
        for entry in entries.iter_mut() {
            let places: [Option<(Bar, u64)>; BARS] = entry
                .slot
                .drive(|function| std::array::from_fn(|bar| function.configuration().decoded(bar)));
            for (bar, place) in places.into_iter().enumerate() {
                let now = entry.mappings[bar].as_ref().map(|m| (m.bar, m.address));
                if now != place {
                    self.unmap(&entry.slot, entry.mappings[bar].take());
                }
            }
            wanted.push(places);
        }
        for (entry, places) in entries.iter_mut().zip(wanted) {
            for (bar, place) in places.into_iter().enumerate() {
                if let (None, Some((kind, address))) = (&entry.mappings[bar], place) {
                    entry.mappings[bar] = self.map(&entry.slot, bar, kind, address);
                }
            }
        }
        Self::place_mirrors(&entries);
    }

    fn bus(&self, kind: BarKind) -> &SharedBus {
        if kind == BarKind::Io { &self.pio } else { &self.mmio }
    }

    fn map(&self, slot: &Arc<Slot>, bar: usize, kind: Bar, address: u64) -> Option<Mapping> {
        if kind.kind != BarKind::Io && self.over_ram(address, kind.size) {
            self.refuse(bar, &format!("{address:#x} lies over RAM"));
            return None;
        }
        let doorbells: Vec<Doorbell> = slot
            .drive(|function| function.doorbells())
            .into_iter()
            .filter(|bell| bell.bar == bar)
            .collect();
        let window = Arc::new(Mutex::new(Window::new(slot.clone(), bar, doorbells.clone())));
        let mut bus = self.bus(kind.kind).write().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = bus.insert(address, kind.size, window) {
            self.refuse(bar, &error.to_string());
            return None;
        }
        drop(bus);
        let watched = doorbells
            .into_iter()
            .filter(|bell| self.watch(slot, kind.kind, address, bell, true))
            .collect();
        Some(Mapping { bar: kind, address, watched })
    }

    fn refuse(&self, bar: usize, why: &str) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("BAR {bar} of a function is not decoded: {why}; others are not logged");
        }
    }

    fn unmap(&self, slot: &Slot, mapping: Option<Mapping>) {
        let Some(mapping) = mapping else { return };
        let Mapping { bar, address, watched } = mapping;
        for bell in &watched {
            self.watch(slot, bar.kind, address, bell, false);
        }
        self.bus(bar.kind).write().unwrap_or_else(PoisonError::into_inner).remove(address);
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

    fn over_ram(&self, address: u64, size: u64) -> bool {
        self.memory.iter().any(|region| {
            let start = region.start_addr().0;
            address < start + region.len() && start < address.saturating_add(size)
        })
    }

    /// Shows each mirror page where its BAR has the page to itself.
    fn place_mirrors(entries: &[Entry]) {
        let ranges: Vec<(u64, u64)> = entries
            .iter()
            .flat_map(|entry| entry.mappings.iter().flatten())
            .filter(|mapping| mapping.bar.kind != BarKind::Io)
            .map(|mapping| (mapping.address, mapping.bar.size))
            .collect();
        let alone = |address: u64| {
            let shares =
                |(start, size): &&(u64, u64)| *start < address + PAGE && address < start + size;
            address.is_multiple_of(PAGE) && ranges.iter().filter(shares).count() == 1
        };
        for entry in entries {
            entry.slot.place_mirror(|bar| {
                let mapping = entry.mappings.get(bar)?.as_ref()?;
                alone(mapping.address).then_some(mapping.address)
            });
        }
    }
}
