//! `--report`: what a run cost, as JSON, at its end and, if wanted, while it lasts.
//!
//! The file is replaced as a whole each time, so that who reads it while the guest runs never sees
//! half of it. Until the end its `ending` is null.

use std::io;
use std::path::Path;
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
use crate::cli::output::Destination;
use crate::machine::{Ending, ExitCounts};
use crate::sandbox::{Sandbox, Thread};

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
    file: Arc<ReportFile>,
    repeating: Option<(Sender<()>, JoinHandle<()>)>,
}

struct ReportFile {
    destination: Destination,
    exits: Arc<ExitCounts>,
}

impl Report {
    /// Makes ready to write it, so that what cannot be written is known before the guest runs.
    pub fn prepare(path: &Path, exits: Arc<ExitCounts>) -> Result<Self> {
        let destination = Destination::prepare(path)?;
        Ok(Self { file: Arc::new(ReportFile { destination, exits }), repeating: None })
    }

    /// Writes it every `interval` from now on. What goes wrong there is told at the end.
    pub fn repeat(&mut self, interval: Duration, sandbox: &Sandbox) -> io::Result<()> {
        let (end, ended) = channel::<()>();
        let file = Arc::clone(&self.file);
        let repeat = move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let _ = file.write(None, None);
            }
        };
        let thread = sandbox.spawn(Thread::Report, "report".into(), repeat)?;
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
    fn write(&self, ending: Option<&Ending>, timing: Option<&Timing>) -> Result<()> {
        let text = serde_json::to_string_pretty(&figures(ending, &self.exits, timing)?)? + "\n";
        self.destination.write(&text)
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
