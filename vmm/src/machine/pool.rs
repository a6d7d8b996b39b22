//! Threads that do a device's jobs: what takes time, so that nobody waits for it.
//!
//! 1. The device submits jobs, under its lock; a thread takes each, does it, and puts it with those
//!    that are done.
//! 2. The [`Peer`] that [`Pool::peer`] gives wakes the device for that.
//! 3. A device that is reset drops the jobs that no thread took, and waits for the others.
//!
//! The threads are there as soon as the guest runs, and stay. At the machine's end nobody waits for a
//! job; but a reset does, also for one that hangs in a file system that went away.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use devices::sync::lock;
use devices::virtio::{Executor, Job, WOKEN};
use nix::sys::signal::{SigSet, Signal};
use rustix::event::{EventfdFlags, eventfd};

use super::ending::{Ending, Endings};
use super::error::{Error, Result};
use super::worker::Peer;
use crate::sandbox::{Sandbox, Thread};

/// What is done with each job.
type Work<W> = dyn Fn(&mut W) + Send + Sync;

struct State<W> {
    waiting: VecDeque<Job<W>>,
    done: VecDeque<Job<W>>,
    /// The queues of the jobs that threads are at.
    under_way: Vec<u16>,
    over: bool,
}

struct Shared<W> {
    state: Mutex<State<W>>,
    /// There is something to do, or nothing will be any more.
    submitted: Condvar,
    /// A job is done.
    finished: Condvar,
    /// The same for the event loop.
    event: OwnedFd,
    work: Box<Work<W>>,
    /// Hears of a panic: the device would wait for that job for ever.
    endings: Arc<Endings>,
}

/// The jobs of one device.
pub struct Pool<W> {
    shared: Arc<Shared<W>>,
}

/// The threads of one device, before they are started.
pub struct Threads<W> {
    shared: Arc<Shared<W>>,
    kind: Thread,
    count: usize,
}

impl<W: Send + 'static> Pool<W> {
    /// A pool whose threads do `work` with each job; one that panics ends the machine.
    pub fn new(
        endings: Arc<Endings>,
        work: impl Fn(&mut W) + Send + Sync + 'static,
    ) -> Result<Self> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(|error| Error::System("eventfd", error.into()))?;
        let state = State {
            waiting: VecDeque::new(),
            done: VecDeque::new(),
            under_way: Vec::new(),
            over: false,
        };
        let shared = Shared {
            state: Mutex::new(state),
            submitted: Condvar::new(),
            finished: Condvar::new(),
            event,
            work: Box::new(work),
            endings,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Its threads: `count` of this kind.
    pub fn threads(&self, kind: Thread, count: usize) -> Threads<W> {
        Threads { shared: self.shared.clone(), kind, count }
    }

    /// Wakes the device when jobs are done.
    pub fn peer(&self) -> Result<Peer> {
        let event = &self.shared.event;
        let descriptor =
            event.try_clone().map_err(|error| Error::System("duplicate an eventfd", error))?;
        Ok(Peer { descriptor, readable: WOKEN, writable: WOKEN })
    }
}

impl<W: Send + 'static> Threads<W> {
    /// Starts them, each within its walls.
    pub fn start(self, sandbox: &Sandbox) -> Result<()> {
        for _ in 0..self.count {
            let shared = self.shared.clone();
            let run = move || {
                // A file that may not grow any more is an error to report, not the end of everything.
                let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
                shared.run();
            };
            sandbox
                .spawn(self.kind, self.kind.name().into(), run)
                .map_err(|error| Error::Thread("a device", error))?;
        }
        Ok(())
    }
}

impl<W> Shared<W> {
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        lock(&self.state)
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.over {
            let Some(mut job) = state.waiting.pop_front() else {
                state = self.submitted.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.under_way.push(job.queue());
            drop(state);
            let worked = catch_unwind(AssertUnwindSafe(|| (self.work)(&mut job.work)));
            if worked.is_err() {
                let bug = "a thread of a device panicked; this is a bug";
                self.endings.report(Ending::KvmError(bug.into()));
            }
            state = self.lock();
            if let Some(at) = state.under_way.iter().position(|queue| *queue == job.queue()) {
                state.under_way.swap_remove(at);
            }
            state.done.push_back(job);
            self.finished.notify_all();
            // Full only after 2^64 jobs that nobody asked for.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }
}

impl<W: Send + 'static> Executor<W> for Pool<W> {
    fn submit(&mut self, job: Job<W>) {
        self.shared.lock().waiting.push_back(job);
        self.shared.submitted.notify_one();
    }

    fn finished(&mut self) -> Option<Job<W>> {
        self.shared.lock().done.pop_front()
    }

    fn cancel(&mut self, queue: Option<u16>) {
        let concerns = |other: u16| queue.is_none_or(|queue| queue == other);
        let mut state = self.shared.lock();
        state.waiting.retain(|job| !concerns(job.queue()));
        while state.under_way.iter().any(|queue| concerns(*queue)) {
            state = self.shared.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<W> Drop for Pool<W> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.over = true;
        state.waiting.clear();
        self.shared.submitted.notify_all();
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
