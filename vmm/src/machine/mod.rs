//! A KVM virtual machine: memory, CPUs, interrupts, and the devices behind its buses.
//!
//! 1. [`Machine::new`] makes the VM: RAM, interrupt controllers, timer, buses, an empty PCI bus.
//! 2. Serial ports, NICs and whatever else wants events are added; each brings a subscriber for
//!    the one event loop.
//! 3. [`Machine::boot`] loads the payload and describes the machine to it by ACPI tables.
//! 4. [`Machine::run`] starts a thread for each vCPU and runs the event loop until the guest ends
//!    or the machine is told to stop. The answer is an [`Ending`].

pub mod acpi;
mod alarm;
pub mod boot;
pub mod compression;
pub mod console;
pub mod cpu;
pub mod disk;
mod ending;
mod error;
pub mod footprint;
pub mod gdb;
pub mod irqchip;
pub mod kernel_file;
pub mod layout;
mod linger;
pub mod memory;
mod nic;
pub mod output;
mod pci;
pub mod pool;
pub mod port;
pub mod probe;
mod run;
pub mod serial;
pub mod share;
mod signals;
mod slot;
mod thread;
pub mod timeline;
mod vcpu;
mod vhost;
pub mod vsock;
mod wake;
mod watched;
mod worker;

use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use devices::bus::{Bus, Device};
use devices::interrupt::Messages;
use devices::memory::DmaMemory;
use devices::net::Backend;
use devices::pci::{Function, HostBridge};
use devices::platform::{GeneralEvents, I8042, Panic, Power};
use event_manager::{EventManager, MutEventSubscriber, SubscriberOps};
use kvm_bindings::{KVM_PIT_SPEAKER_DUMMY, kvm_pit_config};
use kvm_ioctls::{Kvm, VcpuFd, VmFd};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

pub use ending::{Ending, Endings};
pub use error::{Error, Result};
pub use signals::block_signals;
pub use vcpu::ExitCounts;
pub use worker::Peer;

use crate::sandbox::Sandbox;
use footprint::Footprint;
use irqchip::{EdgeLine, MsiVectors, PinLine, Routing};
use nic::NicWorker;
use pci::{PciBus, SharedBus};
use serial::{InputFilter, Output, SerialInput, SerialPort};
use timeline::Timeline;
use wake::ControlInterrupt;
use worker::Worker;

type Subscriber = Box<dyn MutEventSubscriber + Send>;
type Start = Box<dyn FnOnce(&Sandbox) -> Result<()> + Send>;

/// A virtual machine that has not started yet.
pub struct Machine {
    vcpus: Vec<VcpuFd>,
    vm: Arc<VmFd>,
    memory: GuestMemoryMmap,
    routing: Arc<Routing>,
    pio: SharedBus,
    pci: Arc<PciBus>,
    next_slot: usize,
    timed: Option<(Timeline, Footprint)>,
    debugger: Option<(gdb::Listener, gdb::Trap)>,
    sandbox: Sandbox,
    starts: Vec<Start>,
    context: vcpu::Context,
    events: EventManager<Subscriber>,
    /// What has an event loop of its own, with the names of their threads.
    beside: Vec<(String, Subscriber)>,
}

fn open_kvm() -> Result<Kvm> {
    Kvm::new().map_err(|error| match error.errno() {
        libc::ENOENT | libc::ENODEV | libc::ENXIO => Error::NoKvm,
        libc::EACCES | libc::EPERM => Error::KvmPermission,
        _ => Error::Kvm("open /dev/kvm", error),
    })
}

impl Machine {
    /// A machine with `memory` bytes of RAM and `cpus` vCPUs.
    pub fn new(memory: u64, cpus: u8) -> Result<Self> {
        let kvm = open_kvm()?;
        let vm = Arc::new(kvm.create_vm().map_err(|e| Error::Kvm("create a VM", e))?);
        let refused = |what| move |error| Error::Kvm(what, error);
        vm.set_identity_map_address(layout::KVM_IDENTITY_MAP)
            .and_then(|()| vm.set_tss_address(layout::KVM_TSS as usize))
            .map_err(refused("place its own pages"))?;
        vm.create_irq_chip().map_err(refused("create interrupt controllers"))?;
        let pit = kvm_pit_config { flags: KVM_PIT_SPEAKER_DUMMY, ..Default::default() };
        vm.create_pit2(pit).map_err(refused("create a timer"))?;
        let (memory, numbers) = memory::create(&vm, memory)?;
        let routing = Routing::new(vm.clone())?;
        let mut vcpus = Vec::new();
        for index in 0..cpus {
            let vcpu = vm.create_vcpu(u64::from(index)).map_err(refused("create a vCPU"))?;
            cpu::identify(&kvm, &vcpu, index, cpus)?;
            vcpus.push(vcpu);
        }
        let (pio, mmio) = (SharedBus::default(), Arc::new(RwLock::new(Bus::default())));
        let control_interrupt = Arc::new(PinLine::new(&vm, layout::SCI_GSI)?);
        let general_events = Arc::new(Mutex::new(GeneralEvents::new(control_interrupt.clone())));
        let bus = PciBus::new(
            vm.clone(),
            &memory,
            numbers,
            pio.clone(),
            mmio.clone(),
            general_events.clone(),
        );
        let pci = Arc::new(bus?);
        let _ = pci.plug(0, Box::<HostBridge>::default(), None)?;
        let context = vcpu::Context {
            pio: pio.clone(),
            mmio,
            pci: pci.clone(),
            endings: Arc::new(Endings::new()?),
            stop: Arc::new(AtomicBool::new(false)),
            exits: Arc::default(),
        };
        let events = EventManager::new()
            .map_err(|e| Error::System("epoll", std::io::Error::other(format!("{e:?}"))))?;
        let mut machine = Self {
            vcpus,
            vm,
            memory,
            routing,
            pio,
            pci,
            next_slot: layout::FIRST_NIC_SLOT,
            timed: None,
            debugger: None,
            sandbox: Sandbox::default(),
            starts: Vec::new(),
            context,
            events,
            beside: Vec::new(),
        };
        machine.add_platform(general_events)?;
        machine.add_subscriber(Box::new(ControlInterrupt(control_interrupt)));
        Ok(machine)
    }

    fn add_platform(&self, events: Arc<Mutex<GeneralEvents>>) -> Result<()> {
        self.add_ports(layout::I8042, 5, I8042)?;
        self.add_ports(layout::PANIC, 1, Panic)?;
        self.add_ports(layout::POWER, Power::LENGTH, Power::default())?;
        let mut bus = self.pio.write().unwrap_or_else(PoisonError::into_inner);
        Ok(bus.insert(layout::GENERAL_EVENTS, GeneralEvents::LENGTH, events)?)
    }

    /// Adds a boot timer. The answer hears how far the guest is and when.
    pub fn add_boot_timer(&mut self) -> Result<Timeline> {
        let timeline = Timeline::default();
        self.add_ports(layout::BOOT_TIMER, 1, timeline.clone())?;
        let footprint = Footprint::open();
        let footprint = footprint.map_err(|e| Error::System("open /proc/self/smaps", e))?;
        self.timed = Some((timeline.clone(), footprint));
        Ok(timeline)
    }

    /// Has the guest wait for a debugger that connects to `listener`, before its first instruction.
    pub fn add_debugger(&mut self, listener: gdb::Listener) {
        self.debugger = Some((listener, gdb::Trap::that_works()));
    }

    /// Has its threads enter the walls of `sandbox`.
    pub fn set_sandbox(&mut self, sandbox: Sandbox) {
        self.sandbox = sandbox;
    }

    /// Has `start` called when the guest is about to run: threads that were there before could not be
    /// confined.
    fn at_start(&mut self, start: impl FnOnce(&Sandbox) -> Result<()> + Send + 'static) {
        self.starts.push(Box::new(start));
    }

    /// Puts a device at `length` ports from `base`.
    pub fn add_ports(&self, base: u64, length: u64, device: impl Device + 'static) -> Result<()> {
        let device = Arc::new(Mutex::new(device));
        let mut bus = self.pio.write().unwrap_or_else(PoisonError::into_inner);
        Ok(bus.insert(base, length, device)?)
    }

    /// Adds the serial port at `base`, interrupting on `gsi`: its output goes to `output`, its
    /// input comes from `input`.
    pub fn add_serial(
        &mut self,
        (base, gsi): (u64, u32),
        output: Output,
        input: Option<(OwnedFd, InputFilter)>,
    ) -> Result<()> {
        let line = EdgeLine::new(&self.vm, gsi)?;
        let port = Arc::new(Mutex::new(SerialPort::new(line, output)?));
        self.pio.write().unwrap_or_else(PoisonError::into_inner).insert(
            base,
            serial::LENGTH,
            port.clone(),
        )?;
        if let Some((source, filter)) = input {
            self.add_subscriber(Box::new(SerialInput::new(port, source, filter)?));
        }
        Ok(())
    }

    /// Number of vCPUs.
    pub fn cpus(&self) -> usize {
        self.vcpus.len()
    }

    /// Guest memory for one function, behind a gate of its own.
    pub fn dma_memory(&self) -> DmaMemory {
        DmaMemory::new(self.memory.clone())
    }

    /// `count` message vectors for one function.
    pub fn messages(&self, count: u16) -> Result<Arc<dyn Messages>> {
        Ok(self.vectors(count)?)
    }

    fn vectors(&self, count: u16) -> Result<Arc<MsiVectors>> {
        Ok(Arc::new(MsiVectors::new(self.routing.clone(), count)?))
    }

    /// Adds a NIC in the next free slot, with a backend for each of its pairs of queues, or with one
    /// if it has no such. Several pairs have a thread each. Reads of its memory BAR `mirrored` may
    /// be served without leaving the guest.
    pub fn add_nic(
        &mut self,
        mut nic: Box<dyn Function>,
        backends: Vec<Box<dyn Backend>>,
        mirrored: Option<usize>,
    ) -> Result<()> {
        let number = self.next_slot;
        let pairs = nic.as_nic().map(|nic| nic.pairs()).unwrap_or_default();
        let slot = self.pci.plug(number, nic, mirrored)?;
        self.next_slot += 1;
        if pairs.is_empty() {
            for backend in backends {
                self.add_subscriber(Box::new(NicWorker::new(slot.clone(), backend)?));
            }
            return Ok(());
        }
        let bells = pairs.iter().flat_map(|pair| pair.bells).collect();
        self.add_subscriber(Box::new(Worker::beside(slot.clone(), bells)));
        let many = pairs.len() > 1;
        for (index, (pair, backend)) in pairs.into_iter().zip(backends).enumerate() {
            let worker = Box::new(NicWorker::of_pair(slot.clone(), pair, index, backend)?);
            if many {
                self.beside.push((format!("nic{number}.{index}"), worker));
            } else {
                self.add_subscriber(worker);
            }
        }
        Ok(())
    }

    /// Adds a function without a wire of its own in the next free slot. `peers` ring its doorbells.
    pub fn add_device(&mut self, function: Box<dyn Function>, peers: Vec<Peer>) -> Result<()> {
        self.add_function(self.next_slot, function, peers)?;
        self.next_slot += 1;
        Ok(())
    }

    /// Adds a function without a wire of its own in slot `number`. `peers` ring its doorbells.
    pub fn add_function(
        &mut self,
        number: usize,
        function: Box<dyn Function>,
        peers: Vec<Peer>,
    ) -> Result<()> {
        let slot = self.pci.plug(number, function, None)?;
        self.add_subscriber(Box::new(Worker::new(slot, peers)));
        Ok(())
    }

    /// Adds whatever wants events of the loop.
    pub fn add_subscriber(&mut self, subscriber: Subscriber) {
        self.events.add_subscriber(subscriber);
    }

    /// Where to report that the machine shall stop.
    pub fn endings(&self) -> Arc<Endings> {
        self.context.endings.clone()
    }

    /// Counts of exits to user space.
    pub fn exits(&self) -> Arc<ExitCounts> {
        self.context.exits.clone()
    }

    /// Guest RAM, for payloads that leave results there.
    pub fn memory(&self) -> &GuestMemoryMmap {
        &self.memory
    }

    /// Loads `payload` and puts the boot CPU at its entry.
    pub fn boot(&mut self, payload: &boot::Payload) -> Result<()> {
        let cpus = self.vcpus.len() as u8;
        let rsdp = acpi::write(&self.memory, cpus, devices::pci::SLOTS)?;
        let mut entry = boot::load(&self.memory, payload, rsdp)?;
        if self.timed.is_some() {
            entry.address = self.time_entry(entry.address)?;
        }
        self.pci.remap();
        match self.vcpus.first() {
            Some(vcpu) => cpu::start(vcpu, &self.memory, entry),
            None => Ok(()),
        }
    }

    /// Puts the boot timer's code before the kernel's entry, and answers where.
    fn time_entry(&self, entry: u64) -> Result<u64> {
        self.memory
            .write_slice(&timeline::stub(entry), GuestAddress(layout::BOOT_STUB))
            .map_err(|_| Error::TooSmall(layout::BOOT_STUB, "the boot timer"))?;
        Ok(layout::BOOT_STUB)
    }
}
