//! What one run of a job came to.

use std::fs;
use std::time::Duration;

use serde::Serialize;

use crate::nic_bench::HostTime;

/// One run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// Bytes that the other end got.
    pub bytes: u64,
    /// Seconds that it took.
    pub wall: f64,
    /// Seconds of CPU of the VMM, with its guest, and with the kernel's threads that carry its frames.
    pub cpu: f64,
    /// Of that outside of the guest. The guest's share is sampled at ticks.
    pub outside: f64,
    /// Register accesses that left the guest for the VMM.
    pub exits: u64,
}

/// CPU time of a VMM.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    process: HostTime,
    carriers: Duration,
}

impl Spent {
    /// What the VMM that is `process` has used so far.
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let name = format!("vhost-{process}");
        let carriers = match process_named(&name) {
            Some(carrier) => HostTime::of(carrier)?.devices,
            None => Duration::ZERO,
        };
        Ok(Self { process: HostTime::of(process)?, carriers })
    }

    /// A sample of what was used since `before`.
    pub fn sample(self, before: Self, bytes: u64, wall: Duration, exits: u64) -> Sample {
        let HostTime { devices, vcpus, guest } = self.process.since(before.process);
        let cpu = devices + vcpus + self.carriers.saturating_sub(before.carriers);
        Sample {
            bytes,
            wall: wall.as_secs_f64(),
            cpu: cpu.as_secs_f64(),
            outside: cpu.saturating_sub(guest).as_secs_f64(),
            exits,
        }
    }
}

/// The process, or thread of the kernel, that calls itself `name`.
fn process_named(name: &str) -> Option<u32> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let comm = fs::read_to_string(entry.path().join("comm")).ok()?;
        (comm.trim_end() == name).then_some(id)
    })
}

impl Sample {
    /// Bytes a second.
    pub fn throughput(&self) -> f64 {
        self.bytes as f64 / self.wall
    }

    /// Nanoseconds of CPU a byte.
    pub fn cpu_per_byte(&self) -> f64 {
        self.cpu * 1e9 / self.bytes as f64
    }

    /// The same outside of the guest.
    pub fn outside_per_byte(&self) -> f64 {
        self.outside * 1e9 / self.bytes as f64
    }

    /// Exits a million bytes.
    pub fn exits_per_megabyte(&self) -> f64 {
        self.exits as f64 * 1e6 / self.bytes as f64
    }
}
