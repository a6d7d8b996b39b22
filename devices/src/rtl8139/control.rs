//! What a register write does beyond storing bits.

use super::eeprom::Wires;
use super::register_file::Write;
use super::registers::{Reg, TABLE};
use super::ring::Ring;
use super::{Rtl8139, isr, phy, slots};
use crate::bus::Action;

/// CR bit 4: reset. Clears itself.
pub const CR_RESET: u32 = 1 << 4;
/// CR bit 3: receive.
pub const CR_RECEIVE: u32 = 1 << 3;
/// CR bit 2: transmit.
pub const CR_TRANSMIT: u32 = 1 << 2;
/// CPCR bit 0: the transmit rings are in C+ mode.
pub const CPCR_TRANSMIT: u32 = 1 << 0;
/// CPCR bit 1: the receive ring is in C+ mode.
pub const CPCR_RECEIVE: u32 = 1 << 1;
/// TPPoll bit 7: there are descriptors in the high-priority ring.
const POLL_HIGH: u32 = 1 << 7;
/// TPPoll bit 6: there are descriptors in the normal ring.
pub const POLL_NORMAL: u32 = 1 << 6;
/// TPPoll bit 0: raise the software interrupt.
const POLL_SOFTWARE: u32 = 1 << 0;
/// DTCCR bit 3: dump the tally counters. Clears itself.
const DUMP: u32 = 1 << 3;
/// BMCR bits that the lock of the configuration registers covers: speed, negotiation and duplex.
const BMCR_LOCKED: u32 = 0x3100;
/// HltClk: stop the clock ('H').
const HALT: u32 = 0x48;
/// HltClk: run ('R').
const RUN: u32 = 0x52;

const EEM_SHIFT: u32 = 6;
const EEM_AUTOLOAD: u32 = 0b01;
const EEM_PROGRAM: u32 = 0b10;
const EEM_UNLOCK: u32 = 0b11;
const EE_SELECT: u32 = 1 << 3;
const EE_CLOCK: u32 = 1 << 2;
const EE_DATA_IN: u32 = 1 << 1;
const EE_DATA_OUT: u32 = 1 << 0;

impl Rtl8139 {
    /// Takes what a write brings to one register.
    pub(super) fn written(&mut self, write: Write) {
        let row = &TABLE[write.reg as usize];
        tracing::trace!("rtl8139: {} <- {:#x}", row.name, write.value);
        let absent = row.cplus && !self.config.chip.has_cplus();
        if absent || row.locked && !self.opens(write.reg) {
            return;
        }
        let (quirks, value) = (self.config.quirks, write.value);
        match write.reg {
            Reg::Cr => self.command(write),
            Reg::Isr => self.acknowledge(value),
            Reg::Tcr if !self.has(Reg::Cr, CR_TRANSMIT) => {}
            Reg::Rcr => self.receive_configuration(write),
            Reg::TpPoll => self.poll(value),
            Reg::Tctr => {
                self.counter_used = true;
                self.timer.restart();
                self.timer.arm(self.registers.get(Reg::TimerInt));
            }
            Reg::TimerInt => {
                // Zero switches the timer interrupt off, as drivers do that never read the counter.
                self.counter_used |= value != 0;
                self.registers.store(write);
                self.timer.arm(self.registers.get(Reg::TimerInt));
            }
            Reg::Mpc => self.registers.set(Reg::Mpc, 0),
            Reg::Cr9346 => self.eeprom_control(write),
            Reg::HltClk if value == RUN => self.registers.set(Reg::HltClk, 1),
            Reg::HltClk if value == HALT => self.registers.set(Reg::HltClk, 0),
            Reg::Bmcr => {
                let locked = if self.unlocked() { 0 } else { BMCR_LOCKED };
                let write = Write { lanes: write.lanes & !locked, ..write };
                if self.phy.control(&mut self.registers, write) {
                    self.raise(isr::LINK_CHANGED);
                }
            }
            Reg::Bmsr => self.phy.status(&mut self.registers, write),
            Reg::Cpcr => {
                self.cplus = true;
                self.registers.store(write);
            }
            Reg::IntrMitigate if quirks.ignores_mitigation => {}
            Reg::Capr => {
                let capr = self.registers.get(Reg::Capr) & !write.lanes | value;
                self.ring.consumed(&mut self.registers, capr);
                self.pushed = self.starved && self.config.quirks.waits_for_capr;
                self.held = false;
                self.blocked = false;
            }
            Reg::Tsd0 | Reg::Tsd1 | Reg::Tsd2 | Reg::Tsd3 => self.transmit_status(write),
            _ => self.registers.store(write),
        }
    }

    /// What the machine should do after a write.
    pub(super) fn after_write(&self) -> Action {
        let polled = self.transmitter.pending || self.high.pending || self.slots.pending > 0;
        let staged = self.staging.as_ref().is_some_and(|staging| staging.pending);
        if polled || staged || self.starved { Action::Service } else { Action::None }
    }

    /// Whether a locked register can be written now.
    fn opens(&self, reg: Reg) -> bool {
        let mac = matches!(reg, Reg::Idr0 | Reg::Idr4);
        self.unlocked() || mac && self.config.quirks.open_mac
    }

    fn unlocked(&self) -> bool {
        self.registers.get(Reg::Cr9346) >> EEM_SHIFT == EEM_UNLOCK
    }

    fn command(&mut self, write: Write) {
        if write.value & CR_RESET != 0 {
            self.soft_reset();
        }
        let before = self.registers.get(Reg::Cr);
        self.registers.set(Reg::Cr, before & !CR_RESET);
        self.registers.store(write);
        let quirks = self.config.quirks;
        let set = |bit| write.value & bit != 0 && (quirks.eager_restart || before & bit == 0);
        if set(CR_TRANSMIT) {
            self.transmitter.restart();
            self.high.restart();
            if let Some(staging) = &mut self.staging {
                staging.restart();
            } else {
                self.slots.pending = u32::from(self.slots.due(&self.registers).is_some());
            }
        }
        if set(CR_RECEIVE) {
            self.receiver.restart();
            if !quirks.rcr_empties_ring {
                let size = self.ring.size();
                self.ring.restart(&mut self.registers, size);
            }
        }
    }

    fn acknowledge(&mut self, value: u32) {
        let rest = self.registers.get(Reg::Isr) & !(value & isr::WRITABLE);
        self.registers.set(Reg::Isr, rest);
        if value & isr::LINK_CHANGED != 0 {
            phy::acknowledge(&mut self.registers);
        }
    }

    fn receive_configuration(&mut self, write: Write) {
        self.registers.store(write);
        let size = Ring::size_of(self.registers.get(Reg::Rcr));
        if self.config.quirks.rcr_empties_ring || size != self.ring.size() {
            self.ring.restart(&mut self.registers, size);
        }
    }

    /// The driver wrote `value` to TPPoll, or rang the doorbell that stands for it.
    pub(super) fn poll(&mut self, value: u32) {
        let quirks = self.config.quirks;
        if value & POLL_NORMAL != 0 {
            match &mut self.staging {
                Some(staging) => staging.pending = true,
                None => self.transmitter.pending = true,
            }
        }
        if value & POLL_HIGH != 0 && !quirks.ignores_high_priority {
            self.high.pending = true;
        }
        if value & POLL_SOFTWARE != 0 && !quirks.ignores_software_interrupt {
            self.raise(isr::SOFTWARE);
        }
    }

    /// In C+ mode TSD0 and TSD1 are the address of a tally dump and the command for it.
    fn transmit_status(&mut self, write: Write) {
        let before = self.registers.get(write.reg);
        let written = before & !write.lanes | write.value;
        if self.cplus {
            self.registers.set(write.reg, written);
            if write.reg == Reg::Tsd0 && written & DUMP != 0 {
                self.dump_tally();
            }
        } else {
            self.registers.set(write.reg, slots::status_after_write(before, written));
            self.slots.pending += 1;
        }
        slots::summarize(&mut self.registers);
    }

    fn dump_tally(&mut self) {
        let low = self.registers.get(Reg::Tsd0);
        let address =
            self.registers.get_pair(Reg::Tsd0, Reg::Tsd1) & !(super::tally::SIZE as u64 - 1);
        if self.tally.dump(&self.memory, address).is_err() {
            self.fault("the tally dump's address");
        }
        self.registers.set(Reg::Tsd0, low & !DUMP);
    }

    fn eeprom_control(&mut self, write: Write) {
        if write.value >> EEM_SHIFT == EEM_AUTOLOAD {
            if self.config.quirks.deep_reset {
                self.soft_reset();
            } else {
                self.load_configuration();
            }
            self.registers.set(Reg::Cr9346, 0);
            return;
        }
        self.registers.store(write);
        let value = self.registers.get(Reg::Cr9346);
        let wires = Wires {
            select: value & EE_SELECT != 0,
            clock: value & EE_CLOCK != 0,
            data: value & EE_DATA_IN != 0,
        };
        let programming = value >> EEM_SHIFT == EEM_PROGRAM;
        if programming {
            self.eeprom.drive(wires);
        } else if !self.config.quirks.simple_eeprom {
            self.eeprom.drive(Wires::default());
        }
        let output = if programming && self.eeprom.output() { EE_DATA_OUT } else { 0 };
        self.registers.set(Reg::Cr9346, value & !EE_DATA_OUT | output);
    }
}
