//! Interrupt mitigation: TOK or ROK held back until enough frames went by, or for long enough.
//!
//! IntrMitigate has four fields of four bits: for transmission, then for reception, how long to
//! hold back (15:12, 7:4) and for how many frames, in units of four (11:8, 3:0). The units of time
//! are those of the RTL8169, whose register it is, at the same speeds: 2.56 us at 100 Mbit/s and
//! 40.96 us at 10. Without a time nothing is held back; without a number of frames the time alone
//! decides.

/// Nanoseconds of a unit of time at 100 Mbit/s.
pub const UNIT_100: u64 = 2_560;
/// Nanoseconds of a unit of time at 10 Mbit/s.
pub const UNIT_10: u64 = 40_960;
/// Frames of a unit of frames.
const FRAMES: u32 = 4;

/// One direction's half of the register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    time: u64,
    frames: u32,
}

impl Limits {
    /// Takes the lower byte of `register` apart; a unit of time has `unit` nanoseconds.
    pub fn new(register: u32, unit: u64) -> Self {
        Self { time: u64::from(register >> 4 & 0xf) * unit, frames: (register & 0xf) * FRAMES }
    }
}

/// An interrupt on hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    frames: u32,
    due: Option<u64>,
}

impl Hold {
    /// `frames` more call for the interrupt. Answers whether it is to be raised now.
    pub fn call(&mut self, frames: u32, limits: Limits, now: u64) -> bool {
        self.frames = self.frames.saturating_add(frames);
        let many = limits.frames != 0 && self.frames >= limits.frames;
        if limits.time == 0 || many {
            self.release();
            return true;
        }
        self.due.get_or_insert(now.saturating_add(limits.time));
        false
    }

    /// Answers whether the interrupt was held back for long enough.
    pub fn expired(&mut self, now: u64) -> bool {
        let expired = self.due.is_some_and(|due| due <= now);
        if expired {
            self.release();
        }
        expired
    }

    /// Forgets what is on hold.
    pub fn release(&mut self) {
        *self = Self::default();
    }

    /// Until when it is held back.
    pub fn due(&self) -> Option<u64> {
        self.due
    }
}

#[cfg(test)]
#[path = "mitigation_tests.rs"]
mod tests;
