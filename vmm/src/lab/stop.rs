//! Stopping a comparison from outside, at any moment.
//!
//! A [`Stop`] is shared by everything that runs. Signals reach it through a [`SignalWatch`]: a
//! thread that reads them from a signalfd, notes the first one and kills every registered child.
//! Whoever waits for one of them then sees its socket or pipe close, asks [`Stop::check`] why, and
//! unwinds; so no wait has to be interruptible by itself.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;

use devices::sync::lock;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::error::Error;

/// A child process as its owner and the stop share it.
pub type SharedChild = Arc<Mutex<Child>>;

#[derive(Debug, Default)]
struct Inner {
    signal: AtomicI32,
    children: Mutex<Vec<Weak<Mutex<Child>>>>,
    scratch: Mutex<Option<PathBuf>>,
}

/// Whether to stop, and what to kill when it is time. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    inner: Arc<Inner>,
}

impl Stop {
    /// Notes that `signal` asked to stop and kills every registered child. Only the first signal
    /// is remembered.
    pub fn request(&self, signal: Signal) {
        let _ = self.inner.signal.compare_exchange(
            0,
            signal as i32,
            Ordering::SeqCst,
            Ordering::SeqCst,
        );
        for child in lock(&self.inner.children).iter().filter_map(Weak::upgrade) {
            let _ = lock(&child).kill();
        }
    }

    /// The signal that asked to stop, if one did.
    pub fn requested(&self) -> Option<Signal> {
        Signal::try_from(self.inner.signal.load(Ordering::SeqCst)).ok()
    }

    /// Fails with [`Error::Interrupted`] once a signal asked to stop.
    pub fn check(&self) -> Result<(), Error> {
        self.requested().map_or(Ok(()), |signal| Err(Error::Interrupted(signal)))
    }

    /// Has `child` killed when a stop is requested, at once if it already was.
    pub fn register(&self, child: &SharedChild) {
        let mut children = lock(&self.inner.children);
        children.retain(|child| child.strong_count() > 0);
        children.push(Arc::downgrade(child));
        drop(children);
        if let Some(signal) = self.requested() {
            self.request(signal);
        }
    }

    /// Names the directory that an impatient second signal has to remove.
    pub fn set_scratch(&self, path: Option<PathBuf>) {
        *lock(&self.inner.scratch) = path;
    }
}

/// Turns SIGINT, SIGTERM and SIGHUP into a [`Stop`] for as long as it lives.
///
/// The signals are blocked in the calling thread and those it starts afterwards, so it has to be
/// set up before any other thread. A second signal ends the program at once.
#[derive(Debug)]
pub struct SignalWatch {
    /// Closed to end the thread.
    end: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
    watched: SigSet,
}

impl SignalWatch {
    /// Starts to watch.
    pub fn start(stop: &Stop) -> io::Result<Self> {
        let mut watched = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            watched.add(signal);
        }
        watched.thread_block()?;
        let signals =
            SignalFd::with_flags(&watched, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let (ended, end) = io::pipe()?;
        let stop = stop.clone();
        let thread = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || watch(&signals, &ended, &stop))?;
        Ok(Self { end: Some(end), thread: Some(thread), watched })
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = self.watched.thread_unblock();
    }
}

fn watch(signals: &SignalFd, end: &PipeReader, stop: &Stop) {
    loop {
        let mut waits = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(end.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut waits, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
        if waits[1].any().unwrap_or(false) {
            return;
        }
        while let Ok(Some(info)) = signals.read_signal() {
            let Ok(signal) = Signal::try_from(info.ssi_signo as i32) else { continue };
            if stop.requested().is_some() {
                leave_now(stop, signal);
            }
            stop.request(signal);
        }
    }
}

/// Ends the program without waiting for anyone: children are dead or die with it.
fn leave_now(stop: &Stop, signal: Signal) -> ! {
    if let Some(scratch) = lock(&stop.inner.scratch).take() {
        let _ = std::fs::remove_dir_all(scratch);
    }
    std::process::exit(128 + signal as i32)
}

#[cfg(test)]
#[path = "stop_tests.rs"]
mod tests;
