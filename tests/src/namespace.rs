//! A network namespace without a name: a host of its own for as long as a value lives.
//!
//! A thread leaves the host's network and runs what it is handed; threads and programs started
//! there stay there. Nothing has a name, so nothing can be left behind.

use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use devices::net::{Offloads, Tap, TapError};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, gettid};

type Task = Box<dyn FnOnce() + Send>;

/// Why a test that needs a network of its own cannot run here.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// No right to make one
    #[error("no right to make a network namespace (CAP_SYS_ADMIN): {0}; try `unshare -r`")]
    Namespace(Errno),
    /// No TUN driver
    #[error("no right to make a tap: {0}")]
    Tap(#[from] TapError),
}

/// A network namespace.
pub struct Namespace {
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

impl Namespace {
    /// An empty one.
    pub fn new() -> Result<Self, Missing> {
        let (tasks, inbox) = channel::<Task>();
        let (answer, entered) = channel();
        let thread = std::thread::spawn(move || {
            let result = unshare(CloneFlags::CLONE_NEWNET);
            let failed = result.is_err();
            if answer.send(result).is_ok() && !failed {
                for task in inbox {
                    task();
                }
            }
        });
        entered.recv().unwrap_or(Err(Errno::ESRCH)).map_err(Missing::Namespace)?;
        Ok(Self { tasks: Some(tasks), thread: Some(thread) })
    }

    /// Runs `task` inside and waits for its answer.
    pub fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let (answer, result) = channel();
        let tasks = self.tasks.as_ref().context("the namespace is closed")?;
        let sent = tasks.send(Box::new(move || drop(answer.send(task()))));
        sent.ok().and_then(|()| result.recv().ok()).context("the task in the namespace panicked")
    }

    /// The thread that lives inside, for programs that take a namespace by a process in it.
    pub fn thread(&self) -> anyhow::Result<Pid> {
        self.run(gettid)
    }

    /// Makes a tap inside. `accepts` is what may come out of it unfinished.
    pub fn tap(&self, accepts: Offloads) -> anyhow::Result<Result<Tap, Missing>> {
        self.run(move || Tap::open("eth0", accepts).map_err(Missing::from))
    }

    /// Brings the tap up as host 2 of subnet `number`, whose host 1 is the router: 10.0.N.0/24 and
    /// fd00:N::/64.
    pub fn configure(&self, number: u8) -> anyhow::Result<()> {
        self.ip("link set eth0 up")?;
        self.ip(&format!("addr add 10.0.{number}.2/24 dev eth0"))?;
        self.ip(&format!("route add default via 10.0.{number}.1"))?;
        self.ip(&format!("-6 addr add fd00:{number}::2/64 dev eth0 nodad"))?;
        self.ip(&format!("-6 route add default via fd00:{number}::1"))
    }

    /// Runs `ip` inside.
    pub fn ip(&self, arguments: &str) -> anyhow::Result<()> {
        let arguments = arguments.to_owned();
        self.run(move || ip(&arguments))?
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // A task that panicked has been reported by `run`.
            let _ = thread.join();
        }
    }
}

fn ip(arguments: &str) -> anyhow::Result<()> {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.context("cannot run `ip`; install the package iproute2")?;
    if !output.status.success() {
        bail!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
