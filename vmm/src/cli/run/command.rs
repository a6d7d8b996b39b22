//! Runs one command in the guest and ends the machine with its status.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use guest_init::client::{Client, Command, Result, Stream};

use crate::machine::{Ending, Endings};

/// Longer than any guest lives; the machine has a time limit of its own.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How the command ended, once it has.
#[derive(Clone, Default)]
pub struct CommandStatus(Arc<Mutex<Option<std::result::Result<u8, String>>>>);

impl CommandStatus {
    /// The status, or why there is none; `None` if the guest ended first.
    pub fn get(&self) -> Option<std::result::Result<u8, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Starts a thread that waits for the guest behind `channel`, runs `argv` there, and reports the
/// end to `endings`.
pub fn spawn(
    channel: UnixStream,
    argv: Vec<String>,
    endings: Arc<Endings>,
) -> io::Result<CommandStatus> {
    let status = CommandStatus::default();
    let noted = status.clone();
    thread::Builder::new().name("command".into()).spawn(move || {
        let result = run(channel, argv).map_err(|error| error.to_string());
        *noted.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        endings.report(Ending::Stopped);
    })?;
    Ok(status)
}

fn run(channel: UnixStream, argv: Vec<String>) -> Result<u8> {
    let client = Client::new(channel)?;
    let ready = client.wait_ready(FOREVER)?;
    for warning in ready.warnings {
        tracing::warn!("guest: {warning}");
    }
    let command = Command::new(argv).on_output(|stream, bytes| {
        // A reader that went away must not keep the command from ending.
        let _ = match stream {
            Stream::Stdout => io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()),
            Stream::Stderr => io::stderr().write_all(bytes),
        };
    });
    let output = client.run(command, FOREVER)?;
    Ok(output.status.code() as u8)
}
