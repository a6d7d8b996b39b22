//! The machine that stands in where /dev/kvm cannot run Linux.
//!
//! QEMU emulates, in software, a machine whose CPU has AMD's virtualization (SVM with nested
//! paging); a stock kernel in it has a real /dev/kvm. In there runs the very program that the
//! user called, with `--host kvm`, on the user's own files:
//!
//! 1. [`qemu`] starts the machine with the kernel and the outer initramfs of the default
//!    [`guest`](crate::guest), whose PID 1 is the same as every guest's;
//! 2. [`outer`] has it mount the host's root (read-only, by 9p) and what may be written, and change
//!    root into it;
//! 3. the program runs there through the control channel: its output comes back as it is printed,
//!    standard output and standard error apart, or a terminal if we have one; what is typed or
//!    piped in and signals go in, the exit status comes out;
//! 4. the machine is killed. Nothing is left but what was written to the writable directories.
//!
//! It is much slower than a real host, and it needs nothing but QEMU: no root.

mod error;
mod outer;
mod pulse;
mod qemu;
mod signals;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guest_init::client::{Client, Error as ClientError, Process};
use indicatif::ProgressBar;

pub use error::{Error, Result};
pub use outer::is_inside;

use crate::guest;
use crate::streams::{Loan, Streams, block_resizes};
use pulse::Pulse;
use qemu::Qemu;
use signals::Signals;

/// Set to 1 for programs in the nested machine.
pub const MARK: &str = "NICVMM_NESTED";

/// Longest time for the outer machine to boot; a loaded machine with two CPUs takes half a minute.
const BOOT: Duration = Duration::from_secs(180);
/// How often a wait looks whether a signal came or QEMU ended.
const LOOK: Duration = Duration::from_millis(100);
/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(200);
/// Time for the program to end after a signal.
const GRACE: Duration = Duration::from_secs(20);

/// What to run in the nested machine.
#[derive(Clone, Debug)]
pub struct Request {
    /// Program and arguments. The program is a path on the host.
    pub argv: Vec<OsString>,
    /// Directories of the host in which the program may write; everything else is read-only, but
    /// for /run, /tmp and /var/tmp, whose changes are thrown away.
    pub writable: Vec<PathBuf>,
    /// What the program gets of our standard streams.
    pub streams: Streams,
    /// Variables of our environment that the program gets too, beside a few usual ones.
    pub variables: Vec<String>,
    /// Whether the outer machine reaches out, through QEMU's user networking.
    pub network: bool,
    /// Memory of the outer machine in MiB.
    pub memory_mib: u32,
    /// CPUs of the outer machine.
    pub cpus: u32,
}

impl Request {
    /// Runs `argv`, with 4 GiB and two CPUs, nothing writable and no input.
    pub fn new(argv: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        let streams = Streams::Pipes { input: false };
        Self {
            argv,
            writable: Vec::new(),
            streams,
            variables: Vec::new(),
            network: false,
            memory_mib: 4096,
            cpus: 2,
        }
    }
}

/// Runs a program in the nested machine, in the current directory, and returns its exit status (128
/// and the signal's number if a signal ended it, inside or here).
///
/// To be called by the main thread before it has started others: signals are blocked meanwhile, so
/// that they reach the program in there, and QEMU dies with the thread that started it.
pub fn run(request: &Request, progress: &ProgressBar) -> Result<i32> {
    let command = outer::command(request)?;
    let shares = outer::shares(request)?;
    let guest = guest::default(progress)?;
    // The spinner's thread must not take signals: it ends, and another starts with them blocked.
    progress.disable_steady_tick();
    let signals = Signals::block()?;
    block_resizes().map_err(|error| Error::System("block signals", error))?;
    progress.enable_steady_tick(TICK);
    progress.set_message("starting the nested machine (about 15 s)");
    let mut qemu = Qemu::start(request, &guest, &shares)?;
    let client = match connect(&mut qemu, &signals)? {
        Wanted::Found(client) => client,
        Wanted::Interrupted(signal) => return Ok(128 + signal),
    };
    qemu.came_up = true;
    progress.set_message("mounting the host's files");
    explain(&mut qemu, outer::mount(&client, &shares))?;
    if request.network {
        explain(&mut qemu, outer::reach_out(&client))?;
    }
    progress.finish_and_clear();
    let process = Arc::new(explain(&mut qemu, client.start(command).map_err(Error::from))?);
    let loan = Loan::default();
    let result = request
        .streams
        .connect(&process, &loan, Box::new(<[u8]>::to_vec))
        .map_err(|error| Error::System("forward the standard streams", error))
        .and_then(|()| wait(&process, &client, &mut qemu, &signals));
    loan.take_back();
    result
}

/// Waits for the program's end, and passes signals on to it.
fn wait(process: &Process, client: &Client, qemu: &mut Qemu, signals: &Signals) -> Result<i32> {
    let mut end: Option<(Instant, i32)> = None;
    let mut pulse = Pulse::new();
    loop {
        match process.wait(LOOK) {
            Ok(output) => return Ok(output.status.code()),
            Err(ClientError::TimedOut { .. }) => qemu.check()?,
            Err(error) => return explain(qemu, Err(error.into())),
        }
        explain(qemu, pulse.check(client))?;
        match (signals.take(), end) {
            (Some(signal), Some(_)) => return Ok(128 + signal), // asked twice: at once
            (Some(signal), None) => {
                process.signal(signal)?;
                end = Some((Instant::now() + GRACE, signal));
            }
            (None, Some((deadline, signal))) if Instant::now() >= deadline => {
                return Ok(128 + signal);
            }
            (None, _) => {}
        }
    }
}

enum Wanted {
    Found(Client),
    Interrupted(i32),
}

/// Waits for the outer machine to boot.
fn connect(qemu: &mut Qemu, signals: &Signals) -> Result<Wanted> {
    let deadline = Instant::now() + BOOT;
    let mut client: Option<Client> = None;
    loop {
        if let Some(signal) = signals.take() {
            return Ok(Wanted::Interrupted(signal));
        }
        let result = match client.take() {
            None => Client::connect(&qemu.control(), LOOK).map(|connected| (connected, false)),
            Some(connected) => match connected.wait_ready(LOOK) {
                Ok(_) => Ok((connected, true)),
                Err(ClientError::TimedOut { .. }) => Ok((connected, false)),
                Err(error) => Err(error),
            },
        };
        match result {
            Ok((connected, true)) => return Ok(Wanted::Found(connected)),
            Ok((connected, false)) => client = Some(connected),
            Err(ClientError::Connect { .. }) => {}
            Err(error) => return explain(qemu, Err(error.into())),
        }
        qemu.check()?;
        if Instant::now() >= deadline {
            return Err(Error::Boot { after: BOOT, console: qemu.console() });
        }
    }
}

/// When the channel breaks because QEMU ended, its end is the better explanation.
fn explain<T>(qemu: &mut Qemu, result: Result<T>) -> Result<T> {
    if matches!(result, Err(Error::Channel(ClientError::Closed | ClientError::Io(_)))) {
        qemu.check_after_closing()?;
    }
    result
}

#[cfg(test)]
#[path = "nested_tests.rs"]
mod tests;
