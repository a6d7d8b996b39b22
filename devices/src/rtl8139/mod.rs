//! The Realtek RTL8139C+ in C+ mode, as Linux' 8139cp drives it.
//!
//! How data passes:
//! 1. A register write is split by the declared table (`registers`) and does what `control` says;
//!    a read copies out of the register file, which always holds what a read gives.
//! 2. A doorbell (TPPoll) is only noted. [`Nic::transmit`](crate::net::Nic::transmit) walks the ring
//!    (`transmit`), does what the last descriptor of a frame asks for (`offload`), and hands whole
//!    batches to the backend.
//! 3. An incoming frame passes the address `filter` into the receive ring (`receive`).
//! 4. The interrupt is a level: (ISR & IMR) != 0. One TOK tells of a batch, one ROK of a run.
//!
//! The fault of the incident is a value: [`Tso::Mtu1500`] cuts super-frames for an MTU of 1500
//! whatever the driver asks for, [`Tso::Mss`] obeys it.

mod control;
mod descriptor;
mod eeprom;
mod filter;
mod function;
mod isr;
mod nic;
mod offload;
mod phy;
mod receive;
mod registers;
mod tally;
mod transmit;

pub use offload::Tso;

use crate::memory::DmaMemory;
use crate::pci::config::Configuration;
use eeprom::Eeprom;
use receive::Receiver;
use registers::{Reg, Registers};
use tally::Tally;
use transmit::Transmitter;

/// The BAR of the registers as I/O ports.
pub const IO_BAR: usize = 0;
/// The BAR of the registers as memory.
pub const MEMORY_BAR: usize = 1;

/// What happens to an incoming frame for which the guest has no descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overrun {
    /// It waits on the wire, as behind a switch that obeys PAUSE. RDU asks the guest for room.
    #[default]
    Hold,
    /// It is lost and counted.
    Drop,
}

/// How a NIC is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The MAC address in its EEPROM.
    pub mac: [u8; 6],
    /// How it cuts super-frames.
    pub tso: Tso,
    /// What it does when the guest has no room.
    pub overrun: Overrun,
}

impl Config {
    /// The corrected NIC with address `mac`.
    pub fn new(mac: [u8; 6]) -> Self {
        Self { mac, tso: Tso::default(), overrun: Overrun::default() }
    }
}

/// The NIC.
pub struct Rtl8139 {
    config: Config,
    memory: DmaMemory,
    pci: Configuration,
    registers: Registers,
    eeprom: Eeprom,
    transmitter: Transmitter,
    receiver: Receiver,
    tally: Tally,
    link: bool,
    /// The guest wrote CPCR since the last reset.
    cplus: bool,
    /// The guest uses the running counter, whose reads cannot come from a page.
    counter_used: bool,
    /// A frame waits on the wire for a descriptor.
    starved: bool,
    /// Frames were received since the last flush.
    arrived: bool,
    /// Times that the guest named memory that is not RAM.
    faults: u64,
}

impl Rtl8139 {
    /// A NIC after power-on, plugged in.
    pub fn new(config: Config, memory: DmaMemory) -> Self {
        let pci = function::configuration();
        let mut new = Self {
            config,
            memory,
            pci,
            registers: Registers::new(),
            eeprom: Eeprom::new(config.mac),
            transmitter: Transmitter::default(),
            receiver: Receiver::default(),
            tally: Tally::default(),
            link: true,
            cplus: false,
            counter_used: false,
            starved: false,
            arrived: false,
            faults: 0,
        };
        new.soft_reset();
        new
    }

    /// CR.RST and the EEPROM's autoload: everything but what the table says survives.
    fn soft_reset(&mut self) {
        self.registers.reset(|row| !row.survives);
        let [a, b, c, d, e, f] = self.eeprom.mac();
        self.registers.set(Reg::Idr0, u32::from_le_bytes([a, b, c, d]));
        self.registers.set(Reg::Idr4, u32::from(u16::from_le_bytes([e, f])));
        phy::show_link(&mut self.registers, self.link);
        self.transmitter.restart();
        self.transmitter.pending = false;
        self.receiver.restart();
        self.tally = Tally::default();
        self.cplus = false;
        self.counter_used = false;
        self.arrived = false;
    }

    fn mac(&self) -> [u8; 6] {
        let [a, b, c, d] = self.registers.get(Reg::Idr0).to_le_bytes();
        let [e, f, ..] = self.registers.get(Reg::Idr4).to_le_bytes();
        [a, b, c, d, e, f]
    }

    /// Whether register `reg` has all of `bits` set.
    fn has(&self, reg: Reg, bits: u32) -> bool {
        self.registers.get(reg) & bits == bits
    }

    fn interrupting(&self) -> bool {
        self.registers.get(Reg::Isr) & self.registers.get(Reg::Imr) != 0
    }

    fn raise(&mut self, bits: u32) {
        let status = self.registers.get(Reg::Isr) | bits;
        self.registers.set(Reg::Isr, status);
        self.settle();
    }

    /// Keeps the PCI status register in line with the interrupt.
    fn settle(&mut self) {
        let interrupting = self.interrupting();
        self.pci.set_interrupt_status(interrupting);
    }

    /// The guest named memory that cannot be reached.
    fn fault(&mut self, what: &str) {
        if self.memory.ram().is_none() {
            return;
        }
        self.faults += 1;
        if self.faults == 1 {
            tracing::warn!("rtl8139: {what} is not RAM; further faults are counted only");
        }
        self.raise(isr::SYSTEM_ERROR);
    }
}

#[cfg(test)]
mod guest;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod link_tests;
#[cfg(test)]
mod probe_tests;
