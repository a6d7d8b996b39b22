//! Arms and runs as the lab's own tests need them.

use std::time::Duration;

use super::outcome::{GuestFigures, PathFigures, ProcessFigures, RunOutcome};
use super::plan::{Arm, Download, IpVersion, PathPlan};

/// An arm over the default path.
pub fn arm(name: &str) -> Arm {
    let download =
        Download { time: Duration::from_secs(10), file_mib: 64, ip: IpVersion::default() };
    Arm {
        name: name.to_owned(),
        nic: name.parse().unwrap(),
        path: PathPlan::default(),
        server: Vec::new(),
        download,
    }
}

/// A run of ten seconds.
pub fn run(number: u32, goodput: f64, path: PathFigures) -> RunOutcome {
    RunOutcome {
        number,
        boot_seconds: 9.0,
        round_trip_ms: Some(24.2),
        bytes: goodput as u64 * 10,
        seconds: 10.0,
        whole_file: false,
        client_said: None,
        goodput_bytes_per_second: goodput,
        path,
        guest: GuestFigures::default(),
        vmm_process: ProcessFigures { cpu_seconds: 1.5, max_rss_bytes: 1 << 28 },
        timeline: Vec::new(),
    }
}
