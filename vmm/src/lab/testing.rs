//! Arms and runs as the lab's own tests need them.

use std::time::Duration;

use super::outcome::{
    Comparison, GuestFigures, HostFacts, PathFigures, ProcessFigures, RunOutcome,
};
use super::plan::{Accelerator, Arm, Download, Image, IpVersion, Limits, PathPlan, Plan};
use super::runner::Measured;

/// An arm over the default path.
pub fn arm(name: &str) -> Arm {
    let download =
        Download { time: Duration::from_secs(10), file_mib: 64, ip: IpVersion::default() };
    Arm {
        name: name.to_owned(),
        nic: name.parse().unwrap(),
        path: PathPlan::default(),
        server: Vec::new(),
        during: Vec::new(),
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
        vmm_process: ProcessFigures { cpu_seconds: 1.5, max_rss_bytes: 1 << 28, exits: None },
        timeline: Vec::new(),
        sockets: Vec::new(),
        trace: Vec::new(),
    }
}

/// A plan that nobody carries out.
pub fn plan(arms: Vec<Arm>) -> Plan {
    let limit = Duration::from_secs(1);
    Plan {
        arms,
        runs: 1,
        warm_up: 0,
        tries: 1,
        accelerator: Accelerator::Kvm,
        image: Image { kernel: "/dev/null".into(), initrd: "/dev/null".into() },
        limits: Limits { boot: limit, silence: limit, command: limit, overall: limit },
        keep: None,
        capture: false,
        program: "/bin/false".into(),
    }
}

/// Where the tests' comparisons ran.
pub fn host() -> HostFacts {
    HostFacts {
        kind: "kvm".into(),
        kernel: "6.1".into(),
        cpu: "x".into(),
        cpus: 2,
        nicvmm: "0.1.0".into(),
    }
}

/// What these runs of these arms come to.
pub fn comparison(arms: &[(Arm, Vec<RunOutcome>)]) -> Comparison {
    let plan = Plan {
        runs: arms.first().map_or(0, |(_, runs)| runs.len() as u32),
        ..plan(arms.iter().map(|(arm, _)| arm.clone()).collect())
    };
    let runs = arms.iter().map(|(_, runs)| runs.clone()).collect();
    Measured { runs, error: None }.whole(&plan, host())
}
