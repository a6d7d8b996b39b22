//! CPU time of a process, as the kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use nix::unistd::{SysconfVar, sysconf};

/// Field of `stat` with the time spent in guests, counted from the one behind the name.
const GUEST_TIME: usize = 40;

/// CPU time of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostTime {
    /// Of threads that run no guest, to the nanosecond.
    pub devices: Duration,
    /// Of threads that do, guest included.
    pub vcpus: Duration,
    /// Of that in the guest: sampled at the kernel's ticks.
    pub guest: Duration,
}

impl HostTime {
    /// What `process` has used so far.
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let tick = sysconf(SysconfVar::CLK_TCK)?.context("the kernel has no clock tick")?;
        let mut time = Self::default();
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let thread = thread?.path();
            let ran = fs::read_to_string(thread.join("schedstat"))?;
            let ran = ran.split(' ').next().unwrap_or_default().parse();
            let ran = Duration::from_nanos(ran.context("schedstat is unreadable")?);
            let stat = fs::read_to_string(thread.join("stat"))?;
            let fields = stat.rsplit(") ").next().unwrap_or_default();
            let ticks: u64 = fields
                .split(' ')
                .nth(GUEST_TIME)
                .and_then(|field| field.parse().ok())
                .context("stat is unreadable")?;
            if ticks == 0 {
                time.devices += ran;
            } else {
                time.vcpus += ran;
                time.guest += Duration::from_millis(ticks * 1000 / tick as u64);
            }
        }
        Ok(time)
    }

    /// What was used since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            devices: self.devices.saturating_sub(before.devices),
            vcpus: self.vcpus.saturating_sub(before.vcpus),
            guest: self.guest.saturating_sub(before.guest),
        }
    }
}
