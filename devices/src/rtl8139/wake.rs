//! Power management: the sleeping chip, and the frame that wakes it.
//!
//! PCI power management gives the driver a register for the power state (PMCSR). Outside of D0 the
//! NIC answers no register and moves no frame; it only looks for a magic packet, if Config1.PMEn
//! and Config3.Magic ask for that, and tells of it in PMCSR and on PME#. Coming back from D3 it is
//! reset. A link that comes or goes is looked for with Config3.LinkUp in the same way.

use super::Rtl8139;
use super::registers::Reg;

/// Where the capability stands on the chip.
pub const CAPABILITY_AT: usize = 0x50;
/// Its ID.
pub const CAPABILITY: u8 = 1;
/// PMC: version 1.1 of the specification, D1 and D2, PME# from D1, D2 and D3hot; then PMCSR.
pub const BODY: [u8; 6] = [0x02, 0x76, 0, 0, 0, 0];
/// The writable bits: power state and PME_En. PME_Status is cleared by writing a one.
pub const WRITABLE: [u8; 4] = [0, 0, 0x03, 0x01];
/// PMCSR, from the capability on.
const CONTROL: usize = 4;
const STATE: u16 = 3;
const STATE_D3: u16 = 3;
const PME_ENABLED: u16 = 1 << 8;
const PME_STATUS: u16 = 1 << 15;

/// Config1 bit 0, PMEn.
const CONFIG1_POWER: u32 = 1 << 0;
/// Config3 bit 5.
const CONFIG3_MAGIC: u32 = 1 << 5;

/// Copies of the MAC address in a magic packet.
const COPIES: usize = 16;
/// Bytes of all ones ahead of them.
const LEAD: usize = 6;

/// Whether `frame` has, anywhere, six bytes of all ones and `mac` sixteen times.
pub fn is_magic(frame: &[u8], mac: [u8; 6]) -> bool {
    let mut pattern = [0xff; LEAD + 6 * COPIES];
    for copy in pattern[LEAD..].chunks_exact_mut(6) {
        copy.copy_from_slice(&mac);
    }
    frame.windows(pattern.len()).any(|window| window == pattern)
}

impl Rtl8139 {
    fn control(&self) -> Option<u16> {
        self.power.map(|at| self.pci.u16(at + CONTROL))
    }

    /// Whether the chip is in another power state than D0.
    pub(super) fn is_asleep(&self) -> bool {
        self.control().is_some_and(|control| control & STATE != 0)
    }

    /// Whether it asserts PME#: it saw what it was to wake up for.
    pub(super) fn asserts_pme(&self) -> bool {
        let both = PME_ENABLED | PME_STATUS;
        self.control().is_some_and(|control| control & both == both)
    }

    /// Takes a write to configuration space that was stored already. `before` is what the power
    /// state was.
    pub(super) fn power_written(&mut self, offset: usize, data: &[u8], before: Option<u16>) {
        let (Some(at), Some(control)) = (self.power, self.control()) else { return };
        let high = at + CONTROL + 1;
        let cleared = high.checked_sub(offset).and_then(|index| data.get(index));
        if cleared.is_some_and(|byte| byte & 0x80 != 0) {
            self.pci.set_u16(at + CONTROL, control & !PME_STATUS);
        }
        if before == Some(STATE_D3) && control & STATE == 0 {
            self.soft_reset();
        }
    }

    /// The power state, where it can be set.
    pub(super) fn power_state(&self) -> Option<u16> {
        self.control().map(|control| control & STATE)
    }

    /// Looks at a frame that arrived while the chip sleeps.
    pub(super) fn look_for_wake_up(&mut self, frame: &[u8]) {
        let (Some(at), Some(control), true) = (self.power, self.control(), self.is_asleep()) else {
            return;
        };
        let wanted = self.has(Reg::Config1, CONFIG1_POWER) && self.has(Reg::Config3, CONFIG3_MAGIC);
        let ours = frame.starts_with(&self.mac()) || frame.first().is_some_and(|b| b & 1 != 0);
        if wanted && ours && is_magic(frame, self.mac()) {
            self.pci.set_u16(at + CONTROL, control | PME_STATUS);
        }
    }
}

#[cfg(test)]
#[path = "wake_tests.rs"]
mod tests;
