//! The PHY: cable, negotiation, and the registers that tell of them.
//!
//! The link partner can do everything that this chip can, so a negotiation ends at once: with the
//! best mode that ANAR offers, or without a link if it offers none. A driver that switches it off
//! (BMCR bit 12) sets speed and duplex itself. CSCR bit 11 says that the link changed; it goes out
//! when the driver acknowledges the interrupt.

use super::register_file::{Registers, Write};
use super::registers::Reg;

/// MSR bit 2: there is no link.
const MSR_NO_LINK: u32 = 1 << 2;
/// MSR bit 3: the link has 10 Mbit/s.
const MSR_SPEED_10: u32 = 1 << 3;
/// BMSR bit 2: there is a link.
const BMSR_LINK: u32 = 1 << 2;
/// BMSR bit 5: the negotiation is complete.
const BMSR_NEGOTIATED: u32 = 1 << 5;
/// BMSR bits that QEMU's model lets be written.
const BMSR_WRITABLE: u32 = 0x00c0;
/// BMCR bit 15: reset the PHY. Clears itself.
const BMCR_RESET: u32 = 1 << 15;
/// BMCR bit 13: 100 Mbit/s, if not negotiated.
const BMCR_SPEED_100: u32 = 1 << 13;
/// BMCR bit 12: negotiate.
const BMCR_NEGOTIATE: u32 = 1 << 12;
/// BMCR bit 9: negotiate again. Clears itself.
const BMCR_RESTART: u32 = 1 << 9;
/// ANAR and ANLPAR bits 8:5: modes, of which 8:7 have 100 Mbit/s.
const MODES: u32 = 0x01e0;
const MODES_100: u32 = 0x0180;
/// What the link partner offers.
const PARTNER: u32 = 0x05e1;
/// ANER bit 0: the link partner negotiates.
const ANER_PARTNER: u32 = 1 << 0;
/// CSCR bit 11: the link changed.
const CSCR_CHANGED: u32 = 1 << 11;

/// The registers of the PHY that its reset sets back; BMCR is one on the chip only.
const PHY: [Reg; 6] = [Reg::Bmsr, Reg::Anar, Reg::Anlpar, Reg::Aner, Reg::Cscr, Reg::Bmcr];

/// Whether frames get through.
pub fn link(registers: &Registers) -> bool {
    registers.get(Reg::Bmsr) & BMSR_LINK != 0
}

/// Whether the link has 10 Mbit/s.
pub fn is_slow(registers: &Registers) -> bool {
    registers.get(Reg::Msr) & MSR_SPEED_10 != 0
}

/// The driver acknowledged the interrupt that told of a change.
pub fn acknowledge(registers: &mut Registers) {
    set(registers, Reg::Cscr, CSCR_CHANGED, false);
}

/// The PHY's state beside its registers.
#[derive(Clone, Copy, Debug)]
pub struct Phy {
    cable: bool,
    /// Nothing can be set, and nothing is negotiated.
    fixed: bool,
}

impl Phy {
    /// A PHY with the cable plugged in.
    pub fn new(fixed: bool) -> Self {
        Self { cable: true, fixed }
    }

    /// The cable is plugged in or pulled. Answers whether that is news.
    pub fn plug(&mut self, registers: &mut Registers, cable: bool) -> bool {
        let news = std::mem::replace(&mut self.cable, cable) != cable;
        let changed = self.settle(registers);
        if news && !self.fixed {
            set(registers, Reg::Cscr, CSCR_CHANGED, true);
        }
        news || changed
    }

    /// Takes a write to BMCR; what it may not change is masked already. Answers whether the link
    /// was interrupted.
    pub fn control(self, registers: &mut Registers, write: Write) -> bool {
        let reset = write.value & BMCR_RESET != 0;
        if reset {
            registers.reset(|row| PHY.contains(&row.reg) && !(self.fixed && row.reg == Reg::Bmcr));
        }
        if self.fixed {
            let mask = write.lanes & BMCR_RESTART;
            let value = registers.get(Reg::Bmcr) & !mask | write.value & mask;
            registers.set(Reg::Bmcr, value);
            self.settle(registers);
            return false;
        }
        if !reset {
            registers.store(write);
        }
        let changed = self.settle(registers);
        let interrupted = self.cable && (reset || write.value & BMCR_RESTART != 0);
        if interrupted || changed {
            set(registers, Reg::Cscr, CSCR_CHANGED, true);
        }
        interrupted || changed
    }

    /// Takes a write to BMSR, which the chip ignores.
    pub fn status(self, registers: &mut Registers, write: Write) {
        if self.fixed {
            let mask = write.lanes & BMSR_WRITABLE;
            let value = registers.get(Reg::Bmsr) & !mask | write.value & mask;
            registers.set(Reg::Bmsr, value);
        }
    }

    /// Brings the registers in line with cable, offer and settings. Answers whether the link
    /// changed.
    pub fn settle(self, registers: &mut Registers) -> bool {
        let before = link(registers);
        let negotiating = registers.get(Reg::Bmcr) & BMCR_NEGOTIATE != 0;
        let common = registers.get(Reg::Anar) & PARTNER & MODES;
        let up = self.cable && (self.fixed || !negotiating || common != 0);
        let fast = if negotiating {
            common & MODES_100 != 0
        } else {
            registers.get(Reg::Bmcr) & BMCR_SPEED_100 != 0
        };
        set(registers, Reg::Msr, MSR_NO_LINK, !up);
        set(registers, Reg::Bmsr, BMSR_LINK, up);
        if !self.fixed {
            let negotiated = self.cable && negotiating;
            set(registers, Reg::Msr, MSR_SPEED_10, up && !fast);
            set(registers, Reg::Bmsr, BMSR_NEGOTIATED, negotiated);
            set(registers, Reg::Aner, ANER_PARTNER, negotiated);
            registers.set(Reg::Anlpar, if negotiated { PARTNER } else { 0 });
        }
        up != before
    }
}

fn set(registers: &mut Registers, reg: Reg, bits: u32, on: bool) {
    let value = registers.get(reg);
    registers.set(reg, if on { value | bits } else { value & !bits });
}

#[cfg(test)]
#[path = "phy_tests.rs"]
mod tests;
