//! Runs one command in the guest, on our standard streams, and ends the machine with its status.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use devices::sync::lock;
use guest_init::client::{Client, Command};
use nix::sys::signal::Signal;

use crate::machine::{Ending, Endings};
use crate::sandbox::{Sandbox, Thread};
use crate::streams::{Loan, Streams, escapes};

/// Longer than any guest lives; the machine has a time limit of its own.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A command for a guest, before it is started.
pub struct Prepared {
    /// What to run.
    pub command: Command,
    /// Its streams.
    pub streams: Streams,
    /// The way to the guest.
    pub channel: UnixStream,
    /// Hears of the end.
    pub endings: Arc<Endings>,
}

/// A command for a guest, and how it ended once it has.
pub struct GuestCommand {
    status: Arc<Mutex<Option<std::result::Result<u8, String>>>>,
    loan: Loan,
}

impl Prepared {
    /// Starts a thread that waits for the guest, runs the command there, and reports the end.
    pub fn start(self, sandbox: &Sandbox) -> io::Result<GuestCommand> {
        let Self { command, streams, channel, endings } = self;
        let started = GuestCommand { status: Arc::default(), loan: Loan::default() };
        let (status, loan) = (Arc::clone(&started.status), started.loan.clone());
        let work = move || {
            let result = run(command, streams, channel, &endings, &loan);
            let result = result.map_err(|error| format!("{error:#}"));
            *lock(&status) = Some(result);
            endings.report(Ending::Stopped);
        };
        sandbox.spawn(Thread::Command, "command".into(), work)?;
        Ok(started)
    }
}

impl GuestCommand {
    /// Its status, or why there is none; `None` if the guest ended first.
    pub fn status(&self) -> Option<std::result::Result<u8, String>> {
        lock(&self.status).clone()
    }

    /// Takes the terminal back from it.
    pub fn end_loan(&self) {
        self.loan.take_back();
    }
}

fn run(
    command: Command,
    streams: Streams,
    channel: UnixStream,
    endings: &Arc<Endings>,
    loan: &Loan,
) -> Result<u8> {
    let client = Client::new(channel)?;
    let ready = client.wait_ready(FOREVER)?;
    for warning in ready.warnings {
        tracing::warn!("guest: {warning}");
    }
    let process = Arc::new(client.start(streams.attach(command))?);
    let endings = Arc::clone(endings);
    let quit = move || endings.report(Ending::Signal(Signal::SIGINT as i32));
    let filter: crate::streams::Filter = match streams {
        Streams::Terminal => Box::new(escapes(quit)),
        Streams::Pipes { .. } => Box::new(<[u8]>::to_vec),
    };
    streams.connect(&process, loan, filter)?;
    let output = process.wait(FOREVER)?;
    Ok(output.status.code() as u8)
}
