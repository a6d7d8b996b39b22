//! The host's side of the control channel.
//!
//! [`Client::connect`] opens the unix socket behind the guest's control device;
//! [`Client::wait_ready`] waits for the guest to boot. Then [`Client::run`] runs one command to
//! its end, and [`Client::start`] gives a [`Process`] that runs beside others. A reader thread
//! sorts what the guest says by request id, so a `Client` may be shared by threads. Whatever
//! waits takes the longest time to wait: how slow a guest is, only the caller knows.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use guest_init::client::{Client, Command};
//! # fn main() -> guest_init::client::Result<()> {
//! let client = Client::connect("control.sock".as_ref(), Duration::from_secs(5))?;
//! client.wait_ready(Duration::from_secs(60))?;
//! let httpd = client.start(Command::new(["busybox", "httpd", "-f"]))?;
//! let output = client.run(["nstat", "-az"], Duration::from_secs(10))?;
//! print!("{}", output.stdout_text());
//! httpd.kill(Duration::from_secs(5))?;
//! client.power_off(Duration::from_secs(10))
//! # }
//! ```

mod command;
mod error;
mod process;
mod session;

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use command::{Command, OUTPUT_LIMIT, Output, Stream};
pub use error::{Error, Result};
pub use process::Process;

pub use crate::protocol::{Configure, Ready, Size, Status};
use crate::protocol::{Request, VERSION, WriteFile};
use session::Session;

/// Time between two greetings of a guest that has not answered yet.
const HELLO_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two tries to reach a socket that its VMM has not made yet.
const CONNECT_INTERVAL: Duration = Duration::from_millis(20);

/// A connection to a guest's PID 1.
#[derive(Debug)]
pub struct Client {
    session: Arc<Session>,
}

impl Client {
    /// Connects to a VMM's control socket, waiting for it to appear.
    pub fn connect(path: &Path, timeout: Duration) -> Result<Self> {
        let deadline = Instant::now() + timeout;
        loop {
            match UnixStream::connect(path) {
                Ok(stream) => return Self::new(stream),
                Err(source) if Instant::now() >= deadline => {
                    return Err(Error::Connect { path: path.into(), source });
                }
                Err(_) => std::thread::sleep(CONNECT_INTERVAL),
            }
        }
    }

    /// A client on a connected socket.
    pub fn new(stream: UnixStream) -> Result<Self> {
        Ok(Self { session: Session::start(stream)? })
    }

    /// Waits until the guest takes requests.
    pub fn wait_ready(&self, timeout: Duration) -> Result<Ready> {
        let deadline = Instant::now() + timeout;
        loop {
            self.session.hello()?;
            let until = deadline.min(Instant::now() + HELLO_INTERVAL);
            if let Some(ready) = self.ready_by(until)? {
                return Ok(ready);
            }
            if Instant::now() >= deadline {
                return Err(Error::TimedOut { what: "booting the guest".into(), after: timeout });
            }
        }
    }

    /// Whether the guest takes requests, without asking it: a guest that comes up says so by
    /// itself. For who has to look after other things meanwhile, and for booting guests, in which
    /// every byte that waits for them costs time.
    pub fn ready(&self) -> Result<Option<Ready>> {
        self.ready_by(Instant::now())
    }

    fn ready_by(&self, deadline: Instant) -> Result<Option<Ready>> {
        match self.session.wait(deadline, |state| state.ready.clone())? {
            Some(ready) if ready.version != VERSION => {
                Err(Error::Version { guest: ready.version, ours: VERSION })
            }
            ready => Ok(ready),
        }
    }

    /// Runs a command to its end and returns what it printed. When the time is over, the command
    /// is killed.
    pub fn run(&self, command: impl Into<Command>, timeout: Duration) -> Result<Output> {
        let process = self.start(command)?;
        let result = process.wait(timeout);
        if matches!(result, Err(Error::TimedOut { .. })) {
            process.signal(libc::SIGKILL)?;
        }
        result
    }

    /// Starts a command and lets it run beside others.
    pub fn start(&self, command: impl Into<Command>) -> Result<Process> {
        let Command { run, on_output } = command.into();
        let what = run.argv.join(" ");
        let id = self.session.request(&Request::Run(run), on_output)?;
        Ok(Process::new(Arc::clone(&self.session), id, what))
    }

    /// Sets up a network interface.
    pub fn configure(&self, configure: Configure, timeout: Duration) -> Result<()> {
        let what = format!("configuring {}", configure.interface);
        self.ask(&Request::Configure(configure), what, timeout)
    }

    /// Writes a file, making missing directories.
    pub fn write_file(&self, path: &str, mode: u32, data: &[u8], timeout: Duration) -> Result<()> {
        let request = Request::WriteFile(WriteFile { path: path.into(), mode });
        let id = self.session.request(&request, None)?;
        let file = Process::new(Arc::clone(&self.session), id, format!("writing {path}"));
        file.write_stdin(data, timeout)?;
        file.close_stdin()?;
        file.wait(timeout).map(drop)
    }

    /// Has the guest stop everything and power off. Returns when it has begun to.
    pub fn power_off(&self, timeout: Duration) -> Result<()> {
        match self.ask(&Request::PowerOff, "powering off".into(), timeout) {
            Err(Error::Closed) => Ok(()),
            result => result,
        }
    }

    /// Has the guest stop everything and restart. Returns when it has begun to.
    pub fn reboot(&self, timeout: Duration) -> Result<()> {
        match self.ask(&Request::Reboot, "rebooting".into(), timeout) {
            Err(Error::Closed) => Ok(()),
            result => result,
        }
    }

    fn ask(&self, request: &Request, what: String, timeout: Duration) -> Result<()> {
        let id = self.session.request(request, None)?;
        Process::new(Arc::clone(&self.session), id, what).wait(timeout).map(drop)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.session.close(Shutdown::Both);
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
