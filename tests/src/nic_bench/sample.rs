//! What one run of a workload came to.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::clock::HostTime;

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Frames that the guest handed to the NIC, or got from it; a super-frame is one.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that the far end of the wire sent, if it did.
    pub offered: u64,
    /// Seconds that it took.
    pub wall: f64,
    /// Seconds of CPU of the whole VMM outside of the guest.
    pub cpu: f64,
    /// Exits to user space for a register of the NIC.
    pub exits: u64,
    /// Interrupts that the guest took.
    pub interrupts: u64,
    /// Doorbells that the guest rang.
    pub doorbells: u64,
}

/// What the outside knows of a run.
#[derive(Clone, Copy, Debug)]
pub struct Outside {
    /// As in [`Sample`].
    pub offered: u64,
    /// Time that passed.
    pub wall: Duration,
    /// CPU time of the VMM.
    pub time: HostTime,
    /// As in [`Sample`].
    pub exits: u64,
}

impl Outside {
    /// CPU time outside of the guest. A vCPU that came to user space for nothing spent none there, and
    /// so its share need not be taken from ticks.
    fn cpu(&self) -> Duration {
        let HostTime { devices, vcpus, guest } = self.time;
        if self.exits == 0 { devices } else { devices + vcpus.saturating_sub(guest) }
    }
}

impl Sample {
    /// Puts together what the guest told, `name value` each, and what was seen from outside.
    pub fn new(facts: &BTreeMap<String, String>, outside: Outside) -> anyhow::Result<Self> {
        let fact = |name: &str| -> anyhow::Result<u64> {
            let text = facts.get(name).with_context(|| format!("the guest told no {name}"))?;
            Ok(text.parse()?)
        };
        Ok(Self {
            frames: fact("frames")?,
            bytes: fact("bytes")?,
            offered: outside.offered,
            wall: outside.wall.as_secs_f64(),
            cpu: outside.cpu().as_secs_f64(),
            exits: outside.exits,
            interrupts: fact("interrupts")?,
            doorbells: fact("doorbells")?,
        })
    }

    /// Nanoseconds of CPU a byte that the guest moved.
    pub fn cpu_per_byte(&self) -> f64 {
        self.cpu * 1e9 / self.bytes as f64
    }

    /// Bytes a second that the guest moved.
    pub fn throughput(&self) -> f64 {
        self.bytes as f64 / self.wall
    }

    /// Something a million bytes that the guest moved.
    pub fn per_megabyte(&self, count: u64) -> f64 {
        count as f64 * 1e6 / self.bytes as f64
    }
}
