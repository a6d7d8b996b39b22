//! `--timing`: how long a guest took to come how far since this program was started, and the memory
//! that it cost beside its own.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};
use serde::{Serialize, Serializer};

use crate::machine::Machine;
use crate::machine::timeline::{Stage, Timeline};

/// Field of `/proc/self/stat` with the time when the process started, counted from the one behind
/// the program's name.
const START_TIME: usize = 19;

/// The timing of one run. All times count from the start of this program.
#[derive(Debug)]
pub struct Timing {
    start: Instant,
    timeline: Timeline,
}

/// What is known at the end, in seconds and bytes.
#[derive(Serialize)]
struct Figures {
    vcpus_started: Option<f64>,
    kernel_entered: Option<f64>,
    init: Option<f64>,
    command: Option<f64>,
    own_memory_bytes: Option<u64>,
}

impl Timing {
    /// Gives `machine` a boot timer.
    pub fn start(machine: &mut Machine) -> Result<Self> {
        let start = started().context("cannot tell when this program was started")?;
        Ok(Self { start, timeline: machine.add_boot_timer()? })
    }

    fn figures(&self) -> Figures {
        let since = |at: Option<Instant>| at.map(|at| (at - self.start).as_secs_f64());
        let reached = |stage| since(self.timeline.reached(stage));
        Figures {
            vcpus_started: since(self.timeline.vcpus_started()),
            kernel_entered: reached(Stage::Kernel),
            init: reached(Stage::Init),
            command: reached(Stage::Command),
            own_memory_bytes: self.timeline.own_memory(),
        }
    }
}

impl Serialize for Timing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.figures().serialize(serializer)
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = self.figures();
        let stages = [
            ("vCPUs", figures.vcpus_started),
            ("kernel", figures.kernel_entered),
            ("init", figures.init),
            ("command", figures.command),
        ];
        let stages: Vec<String> = stages
            .into_iter()
            .filter_map(|(name, at)| Some(format!("{name} {:.3} s", at?)))
            .collect();
        write!(f, "since it was started: {}", stages.join(", "))?;
        match figures.own_memory_bytes {
            Some(bytes) => write!(f, "; {:.1} MiB beside guest memory", bytes as f64 / 1048576.0),
            None => Ok(()),
        }
    }
}

/// When this process was started, to 10 ms: what the dynamic linker does counts too.
fn started() -> Result<Instant> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let rate = sysconf(SysconfVar::CLK_TCK)?.context("the kernel's clock has no rate")?;
    let ticks = start_ticks(&stat).context("/proc/self/stat is not as expected")?;
    let start = Duration::from_secs_f64(ticks as f64 / rate as f64);
    let age = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME)?).saturating_sub(start);
    Instant::now().checked_sub(age).context("the process is older than the clock")
}

/// The program's name may hold anything, but after its last parenthesis come plain numbers.
fn start_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(START_TIME)?.parse().ok()
}

#[cfg(test)]
#[path = "timing_tests.rs"]
mod tests;
