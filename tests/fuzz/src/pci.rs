//! A PCI bus under a guest that writes its configuration spaces at will and moves BARs about.
//!
//! Each step is a byte for its kind and bytes for what it needs: an access to the configuration
//! ports, one to a port or an address, or a BAR moved as firmware does, onto another, onto RAM, onto
//! the configuration ports themselves. The machine's own rules decide which BARs decode. After each step
//! must hold:
//!
//! - nothing panicked, and arithmetic did not overflow;
//! - no two ranges of an address space overlap, and none lies over RAM;
//! - a page that stands for a BAR's registers has nothing else in it;
//! - what cannot be written stays: identities, kinds and sizes of BARs, links of capabilities;
//! - an access that nobody answers reads as ones.

use std::sync::{Arc, Mutex};

use devices::bus::{Action, Bus, RangeError, Responder};
use devices::interrupt::NoMessages;
use devices::memory::DmaMemory;
use devices::pci::config::{BARS, Bar, BarKind};
use devices::pci::decode::{Decoder, Place, Windows};
use devices::pci::{ConfigurationPorts, Function, HostBridge, Target};
use devices::rtl8139::{Config, Rtl8139};
use devices::sync::lock;
use devices::virtio::net::{Config as NetConfig, VirtioNet};
use devices::virtio::rng::Rng;
use vm_memory::{GuestAddress, GuestMemoryMmap};

use crate::Input;

/// Steps after which a story ends.
const STEPS: usize = 300;
const RAM: u64 = 1 << 20;
const PORTS: u64 = 0xcf8;
const DATA: u64 = 0xcfc;
/// Where free addresses are.
const WINDOW: u32 = 0xc000_0000;
const IO_WINDOW: u32 = 0xc000;
const SLOTS: usize = 4;
const COMMAND: usize = 4;

/// A function, as the configuration ports and its BARs' ranges share it.
type SharedFunction = Arc<Mutex<Box<dyn Function>>>;

struct Slot(SharedFunction);

impl Target for Slot {
    fn read_config(&self, offset: usize, data: &mut [u8]) {
        lock(&self.0).read_config(offset, data);
    }

    fn write_config(&self, offset: usize, data: &[u8]) -> Action {
        lock(&self.0).write_config(offset, data)
    }
}

struct Window(SharedFunction, usize);

impl Responder for Window {
    fn read(&self, offset: u64, data: &mut [u8]) {
        lock(&self.0).read_bar(self.1, offset, data);
    }

    fn write(&self, offset: u64, data: &[u8]) -> Action {
        lock(&self.0).write_bar(self.1, offset, data)
    }
}

/// The bus, its functions, and where their BARs decode.
struct Machine {
    decoder: Decoder,
    buses: Buses,
    /// What cannot be written: the space with everything writable set, then cleared.
    fixed: Vec<[u8; 256]>,
}

/// Both address spaces, and the functions whose BARs decode there.
struct Buses {
    functions: Vec<SharedFunction>,
    ports: Bus,
    memory: Bus,
}

impl Buses {
    fn of(&mut self, kind: BarKind) -> &mut Bus {
        if kind == BarKind::Io { &mut self.ports } else { &mut self.memory }
    }
}

impl Windows for Buses {
    fn enter(
        &mut self,
        function: usize,
        bar: usize,
        (Bar { kind, size }, address): Place,
    ) -> Result<(), RangeError> {
        let window = Arc::new(Window(Arc::clone(&self.functions[function]), bar));
        self.of(kind).insert(address, size, window)
    }

    fn leave(&mut self, _function: usize, _bar: usize, (Bar { kind, .. }, address): Place) {
        assert!(self.of(kind).remove(address), "the BAR at {address:#x} was not there");
    }
}

/// Lives through the story in `data`.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut machine = Machine::new();
    for _ in 0..STEPS {
        if !machine.step(&mut input) {
            break;
        }
        machine.check();
    }
    machine.compare_fixed();
}

fn functions() -> Vec<Box<dyn Function>> {
    let ram = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), RAM as usize)]);
    let ram = ram.expect("there is memory for a guest");
    let memory = || DmaMemory::new(ram.clone());
    let mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
    let net = VirtioNet::function(NetConfig::new(mac), memory(), Arc::new(NoMessages));
    let source = Box::new(std::io::repeat(7));
    let rng = Rng::function(source, memory(), Arc::new(NoMessages));
    vec![
        Box::new(HostBridge::default()),
        Box::new(Rtl8139::new(Config::new(mac), memory())),
        Box::new(net.expect("it fits")),
        Box::new(rng.expect("it fits")),
    ]
}

/// Configuration space with every bit cleared that can be.
fn cleared(function: &mut dyn Function) -> [u8; 256] {
    let mut space = [0; 256];
    function.reset();
    // Up to the capabilities, some of which are registers.
    for offset in (0..0x40).step_by(4) {
        let _ = function.write_config(offset, &[0; 4]);
    }
    function.read_config(0, &mut space[..0x40]);
    space
}

impl Machine {
    fn new() -> Self {
        let mut configuration = ConfigurationPorts::default();
        let (mut shared, mut fixed) = (Vec::new(), Vec::new());
        for (slot, mut function) in functions().into_iter().enumerate() {
            fixed.push(cleared(function.as_mut()));
            let function: SharedFunction = Arc::new(Mutex::new(function));
            configuration.insert(slot, Arc::new(Slot(Arc::clone(&function))));
            shared.push(function);
        }
        let mut ports = Bus::default();
        let configuration = Arc::new(Mutex::new(configuration));
        ports.insert(PORTS, ConfigurationPorts::LENGTH, configuration).expect("there is room");
        let buses = Buses { functions: shared, ports, memory: Bus::default() };
        Self { decoder: Decoder::new(std::iter::once(0..RAM)), buses, fixed }
    }

    fn step(&mut self, input: &mut Input<'_>) -> bool {
        let Some(kind) = input.byte() else { return false };
        match kind % 8 {
            0 => {
                let address = input.u32();
                self.select(address);
            }
            1 => {
                let (offset, width) = access(input, kind);
                let value = input.u64().to_le_bytes();
                self.write(false, PORTS + offset % 8, &value[..width]);
            }
            2 => {
                let (offset, width) = access(input, kind);
                self.read(false, PORTS + offset % 8, width);
            }
            3 | 4 => self.move_bar(input),
            5 => {
                // Whatever lies there.
                let (near, width) = access(input, kind);
                let port = kind & 0x20 != 0;
                let base = if port { IO_WINDOW } else { WINDOW };
                let address = u64::from(base) + (near << 4);
                let value = input.u64().to_le_bytes();
                self.write(port, address, &value[..width]);
                self.read(port, address, width);
            }
            6 => {
                let (port, width) = (kind & 0x20 != 0, 1 << (kind >> 6));
                let address = input.u64() >> (input.byte().unwrap_or_default() % 64);
                self.read(port, address, width);
                self.write(port, address, &[0x5a; 8][..width]);
            }
            _ => {
                let slot = usize::from(input.byte().unwrap_or_default()) % SLOTS;
                lock(&self.buses.functions[slot]).reset();
                self.remap();
            }
        }
        true
    }

    fn select(&mut self, address: u32) {
        self.write(false, PORTS, &address.to_le_bytes());
    }

    /// Puts a BAR somewhere and switches decoding on or off.
    fn move_bar(&mut self, input: &mut Input<'_>) {
        let choice = input.byte().unwrap_or_default();
        let (slot, bar) = (u32::from(choice % 4), u32::from(choice >> 2 & 7) % BARS as u32);
        let offset = u32::from(input.u16());
        let address = match input.byte().unwrap_or_default() % 6 {
            0 | 1 => WINDOW + (offset << 8),
            2 => IO_WINDOW + offset,
            3 => offset << 6, // over RAM
            4 => PORTS as u32 & !0xff,
            _ => u32::MAX - offset,
        };
        let selected = 0x8000_0000 | (slot << 11);
        self.select(selected | (0x10 + 4 * bar));
        self.write(false, DATA, &address.to_le_bytes());
        self.select(selected | COMMAND as u32);
        self.write(false, DATA, &u16::from(choice >> 5).to_le_bytes());
    }

    fn read(&self, port: bool, address: u64, width: usize) {
        let mut data = [0; 8];
        let bus = if port { &self.buses.ports } else { &self.buses.memory };
        bus.read(address, &mut data[..width]);
        if !self.is_taken(port, address, width) && !(PORTS..PORTS + 8).contains(&address) {
            assert_eq!(data[..width], [0xff; 8][..width], "somebody answers at {address:#x}");
        }
    }

    fn write(&mut self, port: bool, address: u64, data: &[u8]) {
        let port = port || (PORTS..PORTS + 8).contains(&address);
        let bus = if port { &self.buses.ports } else { &self.buses.memory };
        if bus.write(address, data) == Action::LayoutChanged {
            self.remap();
        }
    }

    fn ranges(&self, port: bool) -> impl Iterator<Item = (u64, u64)> + '_ {
        let places = self.decoder.places();
        let places = places.filter(move |(bar, _)| (bar.kind == BarKind::Io) == port);
        places.map(|(bar, address)| (address, bar.size))
    }

    fn is_taken(&self, port: bool, address: u64, width: usize) -> bool {
        let end = address.saturating_add(width as u64);
        self.ranges(port).any(|(start, size)| start < end && address < start + size)
    }

    fn remap(&mut self) {
        let decoded = |function: &SharedFunction| {
            let function = lock(function);
            std::array::from_fn(|bar| function.configuration().decoded(bar))
        };
        let wanted: Vec<_> = self.buses.functions.iter().map(decoded).collect();
        let _ = self.decoder.follow(&wanted, &mut self.buses);
    }

    fn check(&self) {
        for port in [false, true] {
            let mut ranges: Vec<_> = self.ranges(port).collect();
            ranges.sort_unstable();
            assert!(ranges.is_sorted_by(|a, b| a.0 + a.1 <= b.0), "ranges overlap: {ranges:x?}");
            let in_ram = |range: &(u64, u64)| !port && range.0 < RAM;
            assert!(!ranges.iter().any(in_ram), "a BAR lies over RAM: {ranges:x?}");
        }
        let bars = (0..SLOTS).flat_map(|slot| (0..BARS).map(move |bar| (slot, bar)));
        for page in bars.filter_map(|(slot, bar)| self.decoder.page(slot, bar)) {
            let within = self.ranges(false).filter(|(start, _)| start >> 12 == page >> 12);
            assert_eq!(within.count(), 1, "the page at {page:#x} is not one BAR's");
        }
    }

    fn compare_fixed(&self) {
        for (function, fixed) in self.buses.functions.iter().zip(&self.fixed) {
            assert_eq!(cleared(lock(function).as_mut()), *fixed, "what is fixed was changed");
        }
    }
}

fn access(input: &mut Input<'_>, kind: u8) -> (u64, usize) {
    (u64::from(input.u16()), 1 << (kind >> 6))
}
