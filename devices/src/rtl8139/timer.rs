//! The counter TCTR and the interrupt that it raises when it reaches TimerInt.
//!
//! The counter ticks with the PCI clock and wraps after 128.85 s. Time comes from outside: whoever
//! drives the NIC says how late it is before each access, and asks when something is due.

/// Nanoseconds of a tick: one cycle of a PCI bus of 33.33 MHz.
pub const TICK: u64 = 30;
/// Nanoseconds until the counter wraps.
const LAP: u64 = TICK << 32;

/// The counter, in nanoseconds of the machine's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timer {
    now: u64,
    started: u64,
    due: Option<u64>,
}

impl Timer {
    /// How late it is.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// What the counter shows.
    pub fn count(&self) -> u32 {
        (self.now.saturating_sub(self.started) / TICK) as u32
    }

    /// Sets the counter to zero.
    pub fn restart(&mut self) {
        self.started = self.now;
    }

    /// Sets the counter to what it would be had it run since the clock was at zero.
    pub fn restart_from_zero(&mut self) {
        self.started = 0;
    }

    /// Sets the counter value that interrupts; zero for none. Has to be said again after the
    /// counter was set.
    pub fn arm(&mut self, interrupt: u32) {
        let ahead = u64::from(interrupt.wrapping_sub(self.count()));
        // At the very value the interrupt has been, and comes again a lap later.
        let ahead = if ahead == 0 { 1 << 32 } else { ahead };
        let ticks = self.now.saturating_sub(self.started) / TICK;
        let due = self.started.saturating_add((ticks + ahead).saturating_mul(TICK));
        self.due = (interrupt != 0).then_some(due);
    }

    /// When the counter interrupts next.
    pub fn due(&self) -> Option<u64> {
        self.due
    }

    /// Says how late it is; a clock that goes back is ignored. Answers whether the counter passed
    /// the value that interrupts.
    pub fn advance(&mut self, now: u64) -> bool {
        self.now = self.now.max(now);
        let Some(due) = self.due.filter(|due| *due <= self.now) else { return false };
        let laps = (self.now - due) / LAP + 1;
        self.due = Some(due.saturating_add(laps.saturating_mul(LAP)));
        true
    }
}

#[cfg(test)]
#[path = "timer_tests.rs"]
mod tests;
