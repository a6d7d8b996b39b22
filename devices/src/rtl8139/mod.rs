//! The Realtek RTL8139C+ and RTL8139C, as Linux' 8139cp and 8139too drive them.
//!
//! How data passes:
//! 1. A register write is split by the declared table (`registers`, `register_file`) and does what
//!    `control` says; a read copies out of the register file, which always holds what a read gives.
//! 2. A doorbell (TPPoll, or a TSD in C mode) is only noted.
//!    [`Nic::transmit`](crate::net::Nic::transmit) walks the C+ rings (`transmit`) or the C mode
//!    descriptors (`slots`), does what the last descriptor of a frame asks for (`offload`), and
//!    hands whole batches to the backend.
//! 3. An incoming frame passes the address `filter` into the C+ ring (`receive`, with a `verdict` on
//!    its checksums) or the C mode ring (`ring`).
//! 4. The interrupt is a level: (ISR & IMR) != 0. One TOK tells of a batch, one ROK of a run, and
//!    `mitigation` may hold them back. `timer` keeps the counter and its interrupt.
//!
//! What other models get wrong is data: [`Quirks`] has a flag for each difference and a profile for
//! each model. The fault of the incident has a name of its own: [`Tso::Mtu1500`] cuts super-frames
//! for an MTU of 1500 whatever the driver asks for, [`Tso::Mss`] obeys it.

mod chip;
mod control;
mod descriptor;
mod eeprom;
mod exact;
mod filter;
mod function;
mod interrupts;
mod isr;
mod mitigation;
mod nic;
mod offload;
mod phy;
pub mod quirks;
mod receive;
mod register_file;
mod registers;
mod ring;
mod slots;
mod staged;
mod tally;
mod timer;
mod transmit;
mod verdict;
mod wake;

pub use chip::Chip;
pub use quirks::Quirks;

use crate::memory::DmaMemory;
use crate::pci::config::Configuration;
use eeprom::{Eeprom, byte};
use mitigation::Hold;
use phy::Phy;
use receive::Receiver;
use register_file::Registers;
use registers::{Reg, TABLE};
use ring::Ring;
use slots::Slots;
use staged::Staging;
use tally::Tally;
use timer::Timer;
use transmit::Transmitter;

/// The BAR of the registers as I/O ports.
pub const IO_BAR: usize = 0;
/// The BAR of the registers as memory.
pub const MEMORY_BAR: usize = 1;

/// How the NIC cuts super-frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tso {
    /// At the segment size that the driver asks for.
    #[default]
    Mss,
    /// For an MTU of 1500, whatever the driver asks for: QEMU's model up to 7.1.
    Mtu1500,
}

/// What happens to an incoming frame for which the guest has no room.
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
    /// Which chip it is.
    pub chip: Chip,
    /// How it cuts super-frames.
    pub tso: Tso,
    /// What it does when the guest has no room.
    pub overrun: Overrun,
    /// What it gets wrong.
    pub quirks: Quirks,
}

impl Config {
    /// The corrected NIC with address `mac`: an RTL8139C+.
    pub fn new(mac: [u8; 6]) -> Self {
        Self {
            mac,
            chip: Chip::default(),
            tso: Tso::default(),
            overrun: Overrun::default(),
            quirks: Quirks::NONE,
        }
    }

    /// What it gets wrong about offloads.
    fn rules(&self) -> quirks::Offload {
        match self.tso {
            Tso::Mss => self.quirks.offload,
            Tso::Mtu1500 => quirks::Offload::QEMU_5_2,
        }
    }
}

/// The NIC.
pub struct Rtl8139 {
    config: Config,
    memory: DmaMemory,
    pci: Configuration,
    /// Where the power management capability stands.
    power: Option<usize>,
    registers: Registers,
    eeprom: Eeprom,
    phy: Phy,
    /// The normal transmit ring.
    transmitter: Transmitter,
    /// The high-priority transmit ring.
    high: Transmitter,
    slots: Slots,
    /// In place of both, where a quirk asks for it.
    staging: Option<Staging>,
    receiver: Receiver,
    ring: Ring,
    tally: Tally,
    timer: Timer,
    sent_hold: Hold,
    received_hold: Hold,
    /// The guest wrote CPCR since the last reset.
    cplus: bool,
    /// The guest uses the running counter, whose reads cannot come from a page.
    counter_used: bool,
    /// The transmitter ran dry, and TOK is still to tell.
    dry: bool,
    /// A frame waits on the wire for room.
    starved: bool,
    /// When to offer that frame again, whatever the guest does until then.
    look_again: Option<u64>,
    /// Quirk: that frame waits for a write of CAPR.
    held: bool,
    /// Quirk: a frame met a full ring, and none passes until a write of CAPR.
    blocked: bool,
    /// Quirk: CAPR was written, and the frame on the wire is taken whatever room there is.
    pushed: bool,
    /// Frames received since the last flush.
    arrived: u32,
    /// Times that the guest named memory that is not RAM.
    faults: u64,
}

impl Rtl8139 {
    /// A NIC after power-on, plugged in.
    pub fn new(config: Config, memory: DmaMemory) -> Self {
        let quirks = config.quirks;
        let (pci, power) = function::configuration(&config);
        let least = if quirks.unpadded_transmit { 0 } else { receive::LEAST_FRAME };
        let mut new = Self {
            config,
            memory,
            pci,
            power,
            registers: Registers::new(),
            eeprom: Eeprom::new(config.mac, quirks.simple_eeprom),
            phy: Phy::new(quirks.fixed_phy),
            transmitter: Transmitter::new(least),
            high: Transmitter::new(least),
            slots: Slots::default(),
            staging: if quirks.staged_transmit { Staging::new() } else { None },
            receiver: Receiver::default(),
            ring: Ring::default(),
            tally: Tally::default(),
            timer: Timer::default(),
            sent_hold: Hold::default(),
            received_hold: Hold::default(),
            cplus: false,
            counter_used: false,
            dry: false,
            starved: false,
            look_again: None,
            held: false,
            blocked: false,
            pushed: false,
            arrived: 0,
            faults: 0,
        };
        new.power_on();
        new
    }

    /// Everything as after power-on, but for the EEPROM's content and the cable.
    fn power_on(&mut self) {
        self.registers.reset(|_| true);
        self.registers.set(Reg::RevId, u32::from(self.config.chip.revision()));
        self.load_pci();
        self.load_configuration();
        self.soft_reset();
        self.starved = false;
        self.look_again = None;
        self.held = false;
        self.blocked = false;
        self.pushed = false;
    }

    /// Loads the MAC address and the configuration registers from the EEPROM.
    fn load_configuration(&mut self) {
        if !self.eeprom.is_signed() {
            return;
        }
        self.load_mac();
        if self.config.quirks.simple_eeprom {
            return;
        }
        let places = [
            (Reg::Config0, byte::CONFIG0),
            (Reg::Config1, byte::CONFIG1),
            (Reg::Config3, byte::CONFIG3),
            (Reg::Config4, byte::CONFIG4),
            (Reg::Config5, byte::CONFIG5),
        ];
        for (reg, at) in places {
            let row = &TABLE[reg as usize];
            let value = u32::from(self.eeprom.byte(at));
            self.registers.set(reg, row.reset & !row.writable | value & row.writable);
        }
    }

    fn load_mac(&mut self) {
        let [a, b, c, d, e, f] = self.eeprom.mac();
        self.registers.set(Reg::Idr0, u32::from_le_bytes([a, b, c, d]));
        self.registers.set(Reg::Idr4, u32::from(u16::from_le_bytes([e, f])));
    }

    /// CR.RST: what the table says survives stays.
    fn soft_reset(&mut self) {
        let quirks = self.config.quirks;
        self.registers
            .reset(|row| !if quirks.deep_reset { row.survives_qemu } else { row.survives });
        self.registers.set(Reg::Tcr, self.config.chip.version());
        if quirks.deep_reset {
            self.load_mac();
        }
        self.phy.settle(&mut self.registers);
        for transmitter in [&mut self.transmitter, &mut self.high] {
            transmitter.restart();
            transmitter.pending = false;
        }
        if let Some(staging) = &mut self.staging {
            staging.restart();
            staging.pending = false;
        }
        self.slots.restart();
        self.receiver.restart();
        self.ring = Ring::default();
        self.ring.show(&mut self.registers);
        if quirks.lingering_reset {
            self.registers.set(Reg::Cr, control::CR_RESET | self.registers.get(Reg::Cr));
        }
        self.tally = Tally::default();
        if quirks.endless_counter {
            self.timer.restart_from_zero();
        } else {
            self.timer.restart();
        }
        self.timer.arm(0);
        self.registers.set(Reg::Tctr, self.timer.count());
        self.sent_hold.release();
        self.received_hold.release();
        self.cplus = false;
        self.counter_used = false;
        self.dry = false;
        self.arrived = 0;
        self.settle();
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
}

#[cfg(test)]
mod cplus_tests;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod link_tests;
#[cfg(test)]
mod probe_tests;
#[cfg(test)]
mod published_flaws_tests;
#[cfg(test)]
mod timing_tests;
