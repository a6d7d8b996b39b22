//! What a register write does beyond storing bits.

use super::eeprom::Wires;
use super::phy;
use super::registers::{Reg, TABLE, Write};
use super::{Rtl8139, isr};
use crate::bus::Action;

/// CR bit 4: reset. Clears itself.
const CR_RESET: u32 = 1 << 4;
/// CR bit 3: receive.
pub const CR_RECEIVE: u32 = 1 << 3;
/// CR bit 2: transmit.
pub const CR_TRANSMIT: u32 = 1 << 2;
/// TPPoll bit 6: there are descriptors in the normal ring.
pub const POLL_NORMAL: u32 = 1 << 6;
/// DTCCR bit 3: dump the tally counters. Clears itself.
const DUMP: u32 = 1 << 3;
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
        let value = write.value;
        tracing::trace!("rtl8139: {} <- {value:#x}", TABLE[write.reg as usize].name);
        match write.reg {
            Reg::Cr => self.command(write),
            Reg::Isr => {
                let rest = self.registers.get(Reg::Isr) & !(value & isr::WRITABLE);
                self.registers.set(Reg::Isr, rest);
            }
            Reg::Tcr if self.registers.get(Reg::Cr) & CR_TRANSMIT == 0 => {}
            Reg::TpPoll if value & POLL_NORMAL != 0 => self.transmitter.pending = true,
            Reg::Tctr => self.counter_used = true,
            Reg::TimerInt => {
                // Zero switches the timer interrupt off, as drivers do that never read the counter.
                self.counter_used |= value != 0;
                self.registers.store(write);
            }
            Reg::Mpc => self.registers.set(Reg::Mpc, 0),
            Reg::Cr9346 => self.eeprom_control(write),
            Reg::HltClk if value == RUN => self.registers.set(Reg::HltClk, 1),
            Reg::HltClk if value == HALT => self.registers.set(Reg::HltClk, 0),
            Reg::Bmcr => phy::control(&mut self.registers, write, self.link),
            Reg::Cpcr => {
                self.cplus = true;
                self.registers.store(write);
            }
            Reg::Tsd0 => {
                self.registers.store(write);
                self.dump_tally();
            }
            reg if TABLE[reg as usize].locked && !self.unlocked() => {}
            _ => self.registers.store(write),
        }
    }

    /// What the machine should do after a write.
    pub(super) fn after_write(&self) -> Action {
        if self.transmitter.pending || self.starved { Action::Service } else { Action::None }
    }

    fn unlocked(&self) -> bool {
        self.registers.get(Reg::Cr9346) >> EEM_SHIFT == EEM_UNLOCK
    }

    fn command(&mut self, write: Write) {
        if write.value & CR_RESET != 0 {
            self.soft_reset();
        }
        self.registers.store(write);
        if write.value & CR_TRANSMIT != 0 {
            self.transmitter.restart();
        }
        if write.value & CR_RECEIVE != 0 {
            self.receiver.restart();
        }
    }

    fn eeprom_control(&mut self, write: Write) {
        if write.value >> EEM_SHIFT == EEM_AUTOLOAD {
            self.soft_reset();
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
        self.eeprom.drive(if programming { wires } else { Wires::default() });
        let output = if self.eeprom.output() { EE_DATA_OUT } else { 0 };
        self.registers.set(Reg::Cr9346, value & !EE_DATA_OUT | output);
    }

    /// In C+ mode TSD0 and TSD1 are the address of a tally dump and the command for it.
    fn dump_tally(&mut self) {
        let low = self.registers.get(Reg::Tsd0);
        if !self.cplus || low & DUMP == 0 {
            return;
        }
        let address =
            self.registers.get_pair(Reg::Tsd0, Reg::Tsd1) & !(super::tally::SIZE as u64 - 1);
        if self.tally.dump(&self.memory, address).is_err() {
            self.fault("the tally dump's address");
        }
        self.registers.set(Reg::Tsd0, low & !DUMP);
    }
}
