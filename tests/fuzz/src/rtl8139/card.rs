//! The NIC in its slot, driven as the machine drives it, and what must hold of it.

use devices::bus::Action;
use devices::memory::DmaMemory;
use devices::net::{Backend, Nic, Transmit};
use devices::pci::Function;
use devices::rtl8139::{Config, IO_BAR, MEMORY_BAR, Rtl8139};
use vm_memory::{GuestAddress, GuestMemoryMmap};

use crate::wire::Wire;

/// Bytes of guest memory.
pub const RAM: u64 = 1 << 20;
/// Rounds of the worker until others have their turn.
const ROUNDS: usize = 8;
/// The latest time of a story: 146 years.
const LATEST: u64 = 1 << 62;
/// The status register of configuration space, and its interrupt bit.
const STATUS: usize = 0x06;
const STATUS_INTERRUPT: u16 = 1 << 3;
const IMR: usize = 0x3c;
const ISR: usize = 0x3e;
const PAGE: usize = 4096;
const REGISTERS: usize = 256;

/// The NIC, the memory that it reaches, the wire that it hangs on, the clock.
pub struct Card {
    /// The NIC.
    pub nic: Rtl8139,
    /// Guest memory as the guest sees it: never closed.
    pub memory: DmaMemory,
    /// The wire.
    pub wire: Wire,
    now: u64,
}

impl Card {
    /// A NIC that may do DMA, as a driver's probe leaves it.
    pub fn new(config: Config) -> Self {
        let ranges = [(GuestAddress(0), RAM as usize)];
        let ram = GuestMemoryMmap::from_ranges(&ranges).expect("there is memory for a guest");
        let memory = DmaMemory::new(ram.clone());
        memory.set_enabled(true);
        let mut nic = Rtl8139::new(config, DmaMemory::new(ram));
        let _ = nic.write_config(4, &7u16.to_le_bytes());
        Self { nic, memory, wire: Wire::default(), now: 0 }
    }

    /// Reads registers.
    pub fn read(&mut self, bar: usize, offset: u64, data: &mut [u8]) {
        self.nic.set_time(self.now);
        self.nic.read_bar(bar, offset, data);
    }

    /// Writes registers; what is a doorbell rings, and what asks for service gets it.
    pub fn write(&mut self, bar: usize, offset: u64, data: &[u8]) {
        self.nic.set_time(self.now);
        let rung = self.nic.doorbells().into_iter().find(|bell| bell.rings(bar, offset, data));
        if let Some(bell) = rung {
            self.nic.ring(bell.id);
            self.work();
        } else if self.nic.write_bar(bar, offset, data) == Action::Service {
            self.work();
        }
    }

    /// Writes a register of `width` bytes as a driver does.
    pub fn set(&mut self, offset: u64, width: usize, value: u32) {
        self.write(MEMORY_BAR, offset, &value.to_le_bytes()[..width]);
    }

    /// Writes guest memory; what is none is lost.
    pub fn store(&mut self, address: u64, bytes: &[u8]) {
        let _ = self.memory.write(address, bytes);
    }

    /// What the machine's worker does when it is woken.
    pub fn work(&mut self) {
        if self.wire.resume() == devices::net::Sent::All {
            for _ in 0..ROUNDS {
                if self.nic.transmit(&mut self.wire) != Transmit::More {
                    break;
                }
            }
        }
        let _ = self.nic.receive_run(&mut self.wire, usize::MAX);
    }

    /// Lets time pass.
    pub fn pass(&mut self, nanoseconds: u64) {
        self.now = self.now.saturating_add(nanoseconds).min(LATEST);
        self.nic.set_time(self.now);
    }

    /// Lets time pass until something is due.
    pub fn wait(&mut self) {
        let due = self.nic.deadline().unwrap_or(self.now);
        self.pass(due.saturating_sub(self.now));
    }

    /// What must hold after each step.
    pub fn check(&mut self) {
        self.nic.set_time(self.now);
        assert!(self.nic.deadline().is_none_or(|due| due > self.now), "what is due was not done");

        let mut status = [0; 2];
        self.nic.read_config(STATUS, &mut status);
        let told = u16::from_le_bytes(status) & STATUS_INTERRUPT != 0;
        assert!(told || !self.nic.level(), "the line is high, and the status does not say so");

        let mut page = [0; PAGE];
        if self.nic.mirror(MEMORY_BAR, &mut page) {
            let mut registers = [0; REGISTERS];
            self.nic.read_bar(IO_BAR, 0, &mut registers);
            assert_eq!(page[..REGISTERS], registers, "the page shows something else");
            let wanted = (page[ISR] & page[IMR]) | (page[ISR + 1] & page[IMR + 1]) != 0;
            assert_eq!(told, wanted, "the status does not follow ISR and IMR");
        }
    }
}
