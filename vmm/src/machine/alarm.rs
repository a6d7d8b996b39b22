//! An alarm clock for a function: a timer descriptor that any thread may set.
//!
//! Most functions never need it, and those that do ask for the same time again and again, so the
//! kernel hears of changes only.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Mutex;
use std::time::Duration;

use devices::sync::lock;
use vmm_sys_util::timerfd::TimerFd;

use super::error::{Error, Result};

/// The alarm.
pub struct Alarm {
    descriptor: RawFd,
    timer: Mutex<Setting>,
}

struct Setting {
    timer: TimerFd,
    deadline: Option<u64>,
}

impl Alarm {
    /// An alarm that is not set.
    pub fn new() -> Result<Self> {
        let timer = TimerFd::new().map_err(|e| Error::System("timerfd", e.into()))?;
        let descriptor = timer.as_raw_fd();
        Ok(Self { descriptor, timer: Mutex::new(Setting { timer, deadline: None }) })
    }

    /// Sets it to `deadline`, in nanoseconds of the clock that `now` reads, or stops it.
    pub fn set(&self, deadline: Option<u64>, now: impl FnOnce() -> u64) {
        let mut setting = lock(&self.timer);
        if setting.deadline == deadline {
            return;
        }
        let now = now();
        // It goes off: whoever hears that sets it anew, and would hear nothing if it were set now.
        if setting.deadline.is_some_and(|due| due <= now) {
            return;
        }
        let armed = match deadline {
            // A timer of zero would be none.
            Some(at) => {
                let ahead = Duration::from_nanos(at.saturating_sub(now).max(1));
                setting.timer.reset(ahead, None)
            }
            None => setting.timer.clear(),
        };
        match armed {
            Ok(()) => setting.deadline = deadline,
            Err(error) => tracing::warn!("a device's alarm cannot be set: {error}"),
        }
    }

    /// It went off: it is not set any more.
    pub fn rang(&self) {
        let mut setting = lock(&self.timer);
        // The descriptor blocks if it was set anew meanwhile, so it is cleared instead of read.
        let _ = setting.timer.clear();
        setting.deadline = None;
    }
}

impl AsRawFd for Alarm {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor
    }
}

#[cfg(test)]
#[path = "alarm_tests.rs"]
mod tests;
