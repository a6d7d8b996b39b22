//! The PHY: link, negotiation and the registers that tell of them.
//!
//! The link partner can do everything this chip can, so negotiation always ends at once.

use super::registers::{Reg, Registers, Write};

/// MSR bit 2: there is no link.
const MSR_NO_LINK: u32 = 1 << 2;
/// BMSR bit 2: there is a link.
const BMSR_LINK: u32 = 1 << 2;
/// BMCR bit 15: reset the PHY. Clears itself.
const BMCR_RESET: u32 = 1 << 15;

/// The registers of the PHY.
const PHY: [Reg; 6] = [Reg::Bmcr, Reg::Bmsr, Reg::Anar, Reg::Anlpar, Reg::Aner, Reg::Cscr];

/// Shows a link, or none.
pub fn show_link(registers: &mut Registers, up: bool) {
    let change = |value: u32, bit: u32, set: bool| if set { value | bit } else { value & !bit };
    let media = change(registers.get(Reg::Msr), MSR_NO_LINK, !up);
    let status = change(registers.get(Reg::Bmsr), BMSR_LINK, up);
    registers.set(Reg::Msr, media);
    registers.set(Reg::Bmsr, status);
}

/// Takes a write to BMCR.
pub fn control(registers: &mut Registers, write: Write, link: bool) {
    registers.store(write);
    if write.value & BMCR_RESET != 0 {
        registers.reset(|row| PHY.contains(&row.reg));
        show_link(registers, link);
    }
}
