//! When the NIC interrupts: what raises bits of ISR, at once or later.

use super::mitigation::{Limits, UNIT_10, UNIT_100};
use super::registers::Reg;
use super::{Rtl8139, isr, phy};

impl Rtl8139 {
    /// Whether an interrupt is pending that the driver wants.
    pub(super) fn interrupting(&self) -> bool {
        self.registers.get(Reg::Isr) & self.registers.get(Reg::Imr) != 0
    }

    /// Sets bits of ISR.
    pub(super) fn raise(&mut self, bits: u32) {
        let status = self.registers.get(Reg::Isr) | bits;
        self.registers.set(Reg::Isr, status);
        self.settle();
    }

    /// Keeps the PCI status register in line with the interrupt.
    pub(super) fn settle(&mut self) {
        let interrupting = self.interrupting();
        self.pci.set_interrupt_status(interrupting);
    }

    /// The limits in IntrMitigate: those of transmission stand eight bits higher.
    fn limits(&self, shift: u32) -> Limits {
        let unit = if phy::is_slow(&self.registers) { UNIT_10 } else { UNIT_100 };
        Limits::new(self.registers.get(Reg::IntrMitigate) >> shift, unit)
    }

    /// Descriptors of `frames` were given back.
    pub(super) fn completed(&mut self, frames: u32) {
        if self.sent_hold.call(frames, self.limits(8), self.timer.now()) {
            self.tell_sent();
        }
    }

    /// `frames` were received.
    pub(super) fn received(&mut self, frames: u32) {
        if self.received_hold.call(frames, self.limits(0), self.timer.now()) {
            self.raise(isr::RECEIVED);
        }
    }

    /// TOK, and TDU along with it if the transmitter ran dry.
    fn tell_sent(&mut self) {
        let dry = std::mem::take(&mut self.dry);
        self.raise(isr::SENT | if dry { isr::TRANSMITTER_DRY } else { 0 });
    }

    /// TDU, unless a TOK that is on hold will bring it along.
    pub(super) fn tell_dry(&mut self) {
        if self.sent_hold.due().is_none() && std::mem::take(&mut self.dry) {
            self.raise(isr::TRANSMITTER_DRY);
        }
    }

    /// Says how late it is: raises what is due. Whoever drives the NIC has a frame that waits offered
    /// again then.
    pub(super) fn advance(&mut self, now: u64) {
        if self.timer.advance(now) && self.has(Reg::HltClk, 1) {
            self.raise(isr::TIMEOUT);
        }
        self.registers.set(Reg::Tctr, self.timer.count());
        if self.sent_hold.expired(now) {
            self.tell_sent();
        }
        if self.received_hold.expired(now) {
            self.raise(isr::RECEIVED);
        }
        self.look_again = self.look_again.filter(|due| *due > now);
    }

    /// The guest named memory that cannot be reached.
    pub(super) fn fault(&mut self, what: &str) {
        if self.memory.ram().is_none() || self.config.quirks.ignores_faults {
            return;
        }
        self.faults += 1;
        if self.faults == 1 {
            tracing::warn!("rtl8139: {what} is not RAM; further faults are counted only");
        }
        self.raise(isr::SYSTEM_ERROR);
    }
}
