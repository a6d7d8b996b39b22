//! Where a comparison runs, for the report.

use std::fs;

use super::outcome::HostFacts;

/// Facts about this host; `kind` says how guests are run.
pub fn facts(kind: &str) -> HostFacts {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    HostFacts {
        kind: kind.to_owned(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
            .map(|release| release.trim().to_owned())
            .unwrap_or_default(),
        cpu: model(&cpu).unwrap_or("unknown").to_owned(),
        cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        nicvmm: crate::VERSION.to_owned(),
    }
}

fn model(cpuinfo: &str) -> Option<&str> {
    let (_, name) = cpuinfo.lines().find(|line| line.starts_with("model name"))?.split_once(':')?;
    Some(name.trim())
}
