//! What a running nicvmm tells in its report.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

/// Accesses to registers in memory so far that left the guest for nicvmm, which writes `report` at this
/// interval.
pub fn register_exits(report: &Path, interval: Duration) -> anyhow::Result<u64> {
    // The next report but one was begun after now.
    thread::sleep(2 * interval);
    let report = fs::read_to_string(report)?;
    let exits = &serde_json::from_str::<Value>(&report)?["exits"];
    let count = |name: &str| exits[name].as_u64().context("the report tells no exits");
    Ok(count("memory_reads")? + count("memory_writes")?)
}
