//! Looking a little longer before going to sleep.
//!
//! To fall asleep and be woken costs a thread about as much as cutting a super-frame. A guest that
//! sends much has more in a moment, so it pays to look for it, no longer than the sleep would cost. (The
//! doorbell is often rung all the same, but finds the thread awake.) Where that was in vain it is done more rarely:
//! half as often each time, until it helps again.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// How long to look: about what sleep and wake-up cost.
const PATIENCE: Duration = Duration::from_micros(10);
/// Breaths between two looks.
const BREATHS: usize = 32;
/// Vain looks in a row after which it gets no rarer: once in so many powers of two.
const MOST_MISSES: u32 = 6;

/// When it was worth it.
#[derive(Debug)]
pub struct Linger {
    patience: Duration,
    misses: u32,
    /// How many times not to look.
    skip: u32,
}

impl Default for Linger {
    fn default() -> Self {
        Self { patience: PATIENCE, misses: 0, skip: 0 }
    }
}

impl Linger {
    /// Whether to look this time.
    pub fn is_due(&mut self) -> bool {
        let due = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        due
    }

    /// Has `look` look until it finds something or patience ends; answers whether it did.
    pub fn wait(&mut self, mut look: impl FnMut() -> bool) -> bool {
        let start = Instant::now();
        let found = loop {
            if look() {
                break true;
            }
            if start.elapsed() >= self.patience {
                break false;
            }
            (0..BREATHS).for_each(|_| spin_loop());
        };
        self.misses = if found { 0 } else { (self.misses + 1).min(MOST_MISSES) };
        self.skip = (1 << self.misses) - 1;
        found
    }
}

#[cfg(test)]
#[path = "linger_tests.rs"]
mod tests;
