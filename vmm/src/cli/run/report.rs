//! `--report`: what a run cost, as JSON.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::Serialize;

use super::timing::Timing;
use crate::machine::{Ending, ExitCounts};

#[derive(Serialize)]
struct Figures<'t> {
    ending: String,
    exits: Exits,
    timing: Option<&'t Timing>,
    cpu_seconds: f64,
    max_rss_bytes: u64,
}

#[derive(Serialize)]
struct Exits {
    port_reads: u64,
    port_writes: u64,
    memory_reads: u64,
    memory_writes: u64,
    other: u64,
}

/// The file that the report goes into.
pub struct Report {
    file: File,
    path: PathBuf,
}

impl Report {
    /// Creates the file, so that one that cannot be written is known before the guest runs.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path)
            .with_context(|| format!("cannot write the report {}", path.display()))?;
        Ok(Self { file, path: path.into() })
    }

    /// Writes the report of this process.
    pub fn write(
        mut self,
        ending: &Ending,
        exits: &ExitCounts,
        timing: Option<&Timing>,
    ) -> Result<()> {
        let text = serde_json::to_string_pretty(&figures(ending, exits, timing)?)? + "\n";
        self.file
            .write_all(text.as_bytes())
            .with_context(|| format!("cannot write the report {}", self.path.display()))
    }
}

fn figures<'t>(
    ending: &Ending,
    exits: &ExitCounts,
    timing: Option<&'t Timing>,
) -> Result<Figures<'t>> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("cannot read the resource usage")?;
    let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Ok(Figures {
        ending: ending.to_string(),
        exits: Exits {
            port_reads: count(&exits.port_reads),
            port_writes: count(&exits.port_writes),
            memory_reads: count(&exits.memory_reads),
            memory_writes: count(&exits.memory_writes),
            other: count(&exits.other),
        },
        timing,
        cpu_seconds: cpu as f64 / 1e6,
        max_rss_bytes: usage.max_rss() as u64 * 1024,
    })
}
