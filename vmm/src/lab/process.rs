//! One part of the lab as a child process: started, watched, measured, and gone in the end.
//!
//! Every child leads its own process group, so a terminal's Ctrl-C reaches only the lab, which then
//! decides. It dies with the lab whatever happens to the lab (parent death signal), with its
//! [`Part`] when that is dropped, and at once when the [`Stop`] it was registered with is requested.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use devices::sync::lock;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::error::{Error, Evidence};
use super::stop::{SharedChild, Stop};
use crate::child::{describe, tie};
use crate::qemu;

/// How often a wait looks again.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A child process of the lab.
#[derive(Debug)]
pub struct Part {
    name: String,
    id: Pid,
    child: SharedChild,
    log: PathBuf,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Seconds of CPU time, user and system, of all its threads.
    pub cpu_seconds: f64,
    /// The most memory it ever had resident, in bytes.
    pub max_rss_bytes: u64,
}

impl Part {
    /// Starts `command` as the part `name`, with no input, its standard error in the file `log`.
    /// Standard output goes there too unless `stdout` asks for a pipe.
    ///
    /// The parent death signal follows the calling *thread*: start parts from one that stays.
    pub fn start(
        name: &str,
        mut command: Command,
        log: &Path,
        stdout: Output,
        stop: &Stop,
    ) -> Result<(Self, Option<ChildStdout>), Error> {
        stop.check()?;
        let file_error = |source| Error::File { action: "create", path: log.to_owned(), source };
        let errors = File::create(log).map_err(file_error)?;
        let output = match stdout {
            Output::Log => Stdio::from(errors.try_clone().map_err(file_error)?),
            Output::Pipe => Stdio::piped(),
        };
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = tie(&mut command).spawn().map_err(|source| Error::Start {
            part: name.to_owned(),
            hint: hint(&program, &source),
            program,
            source,
        })?;
        let stdout = child.stdout.take();
        let id = Pid::from_raw(child.id() as i32);
        let child = Arc::new(Mutex::new(child));
        stop.register(&child);
        Ok((Self { name: name.to_owned(), id, child, log: log.to_owned() }, stdout))
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<ExitStatus> {
        lock(&self.child).try_wait().ok().flatten()
    }

    /// Fails if it has ended, with its last words and those of `console`.
    pub fn check(&self, console: Option<&Path>) -> Result<(), Error> {
        self.ended().map_or(Ok(()), |status| {
            Err(Error::Ended {
                part: self.name.clone(),
                status: describe(status),
                evidence: self.evidence(console),
            })
        })
    }

    /// The last lines it and its console wrote.
    pub fn evidence(&self, console: Option<&Path>) -> Evidence {
        let evidence = Evidence::none().with("it said", &tail(&self.log));
        match console {
            Some(console) => evidence.with("last lines of its console", &tail(console)),
            None => evidence,
        }
    }

    /// What it has used so far; nothing once it has ended.
    pub fn usage(&self) -> Option<Usage> {
        let of = |file| fs::read_to_string(format!("/proc/{}/{file}", self.id)).ok();
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().filter(|ticks| *ticks > 0)?;
        parse_usage(&of("stat")?, &of("status")?, ticks as f64)
    }

    /// Ends it: asks, waits for `grace`, then kills. Answers how it ended.
    pub fn end(&self, grace: Duration) -> Option<ExitStatus> {
        if self.ended().is_none() {
            let _ = killpg(self.id, Signal::SIGTERM);
        }
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        self.kill()
    }

    fn kill(&self) -> Option<ExitStatus> {
        let mut child = lock(&self.child);
        let _ = child.kill();
        child.wait().ok()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where a part's standard output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Into its log, with standard error.
    Log,
    /// To whoever started it.
    Pipe,
}

/// What to do about a program that could not be started.
fn hint(program: &str, error: &io::Error) -> String {
    match (error.kind(), program) {
        (io::ErrorKind::NotFound, qemu::PROGRAM) => format!("; install it: `{}`", qemu::REMEDY),
        (io::ErrorKind::NotFound, _) => "; is it installed and in PATH?".to_owned(),
        _ => String::new(),
    }
}

/// Bytes at the end of a log that are looked at for its last lines.
const TAIL_BYTES: u64 = 16 * 1024;

/// The end of a file, or nothing if it cannot be read.
fn tail(path: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// Reads `/proc/PID/stat` (user and system time are the 14th and 15th fields; the 2nd, the name in
/// parentheses, may contain anything) and `VmHWM` of `/proc/PID/status`.
fn parse_usage(stat: &str, status: &str, ticks_per_second: f64) -> Option<Usage> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = peak.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Usage {
        cpu_seconds: (user + system) as f64 / ticks_per_second,
        max_rss_bytes: kibibytes * 1024,
    })
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
