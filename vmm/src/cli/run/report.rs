//! `--report`: what a run cost, as JSON, at its end and, if wanted, while it lasts.
//!
//! The file is replaced as a whole each time, so that who reads it while the guest runs never sees
//! half of it. Until the end its `ending` is null.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::Serialize;

use super::timing::Timing;
use crate::machine::{Ending, ExitCounts};

#[derive(Serialize)]
struct Figures<'t> {
    ending: Option<String>,
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
    file: ReportFile,
    repeating: Option<(Sender<()>, JoinHandle<()>)>,
}

#[derive(Clone)]
struct ReportFile {
    path: PathBuf,
    exits: Arc<ExitCounts>,
}

impl Report {
    /// Creates the file, so that one that cannot be written is known before the guest runs.
    pub fn create(path: &Path, exits: Arc<ExitCounts>) -> Result<Self> {
        fs::File::create(path)
            .with_context(|| format!("cannot write the report {}", path.display()))?;
        Ok(Self { file: ReportFile { path: path.into(), exits }, repeating: None })
    }

    /// Writes it every `interval` from now on. What goes wrong there is told at the end.
    pub fn repeat(&mut self, interval: Duration) -> io::Result<()> {
        let (end, ended) = channel::<()>();
        let file = self.file.clone();
        let thread = std::thread::Builder::new().name("report".into()).spawn(move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let _ = file.write(None, None);
            }
        })?;
        self.repeating = Some((end, thread));
        Ok(())
    }

    /// Writes the report of this process.
    pub fn write(mut self, ending: &Ending, timing: Option<&Timing>) -> Result<()> {
        self.end();
        self.file.write(Some(ending), timing)
    }

    fn end(&mut self) {
        if let Some((end, thread)) = self.repeating.take() {
            drop(end);
            let _ = thread.join();
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.end();
    }
}

impl ReportFile {
    /// Writes beside the file and replaces it; a device or a pipe is written to as it is.
    fn write(&self, ending: Option<&Ending>, timing: Option<&Timing>) -> Result<()> {
        let text = serde_json::to_string_pretty(&figures(ending, &self.exits, timing)?)? + "\n";
        let write = || -> io::Result<()> {
            if !self.path.is_file() {
                return fs::write(&self.path, &text);
            }
            let mut beside = self.path.clone().into_os_string();
            beside.push(".new");
            fs::write(&beside, &text)?;
            fs::rename(&beside, &self.path)
        };
        write().with_context(|| format!("cannot write the report {}", self.path.display()))
    }
}

fn figures<'t>(
    ending: Option<&Ending>,
    exits: &ExitCounts,
    timing: Option<&'t Timing>,
) -> Result<Figures<'t>> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("cannot read the resource usage")?;
    let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Ok(Figures {
        ending: ending.map(ToString::to_string),
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
