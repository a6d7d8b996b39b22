//! Threads that do a device's jobs: what takes time, so that nobody waits for it.
//!
//! 1. The device submits jobs, under its lock; a thread takes each, does it, and puts it with those
//!    that are done.
//! 2. The [`Peer`] that [`Pool::peer`] gives rings the device's first doorbell for that.
//! 3. A device that is reset waits until no job is left.
//!
//! Threads start as they are needed and stay. At the machine's end jobs that no thread took are
//! dropped; one that hangs, in a file system that went away, holds nobody up.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use devices::virtio::{Executor, Job};
use nix::sys::signal::{SigSet, Signal};
use rustix::event::{EventfdFlags, eventfd};

use super::error::{Error, Result};
use super::worker::Peer;

/// What is done with each job.
type Work<W> = dyn Fn(&mut W) + Send + Sync;

struct State<W> {
    waiting: VecDeque<Job<W>>,
    done: VecDeque<Job<W>>,
    /// Jobs that a thread is at.
    under_way: usize,
    threads: usize,
    idle: usize,
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
}

/// The threads of one device.
pub struct Pool<W> {
    shared: Arc<Shared<W>>,
    name: String,
    most: usize,
}

impl<W: Send + 'static> Pool<W> {
    /// At most `most` threads with this name, each of which does `work`.
    pub fn new(
        name: &str,
        most: usize,
        work: impl Fn(&mut W) + Send + Sync + 'static,
    ) -> Result<Self> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)
            .map_err(|error| Error::System("eventfd", error.into()))?;
        let state = State {
            waiting: VecDeque::new(),
            done: VecDeque::new(),
            under_way: 0,
            threads: 0,
            idle: 0,
            over: false,
        };
        let shared = Shared {
            state: Mutex::new(state),
            submitted: Condvar::new(),
            finished: Condvar::new(),
            event,
            work: Box::new(work),
        };
        let this = Self { shared: Arc::new(shared), name: name.into(), most };
        // One must be there: later ones only help.
        this.start_thread(&mut this.shared.lock())
            .map_err(|error| Error::System("start a thread for a device", error))?;
        Ok(this)
    }

    /// Rings the first doorbell of the device when jobs are done.
    pub fn peer(&self) -> Result<Peer> {
        let event = &self.shared.event;
        let descriptor =
            event.try_clone().map_err(|error| Error::System("duplicate an eventfd", error))?;
        Ok(Peer { descriptor, readable: 0, writable: 0 })
    }

    fn start_thread(&self, state: &mut State<W>) -> io::Result<()> {
        let shared = self.shared.clone();
        std::thread::Builder::new().name(self.name.clone()).spawn(move || {
            // A file that may not grow any more is an error to report, not the end of everything.
            let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
            shared.run();
        })?;
        state.threads += 1;
        Ok(())
    }
}

impl<W> Shared<W> {
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.over {
            let Some(mut job) = state.waiting.pop_front() else {
                state.idle += 1;
                state = self.submitted.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            state.under_way += 1;
            drop(state);
            (self.work)(&mut job.work);
            state = self.lock();
            state.under_way -= 1;
            state.done.push_back(job);
            self.finished.notify_all();
            // Full only after 2^64 jobs that nobody asked for.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }
}

impl<W: Send + 'static> Executor<W> for Pool<W> {
    fn submit(&mut self, job: Job<W>) {
        let mut state = self.shared.lock();
        state.waiting.push_back(job);
        if state.idle < state.waiting.len() && state.threads < self.most {
            // Without another thread those that are there take longer.
            let _ = self.start_thread(&mut state);
        }
        self.shared.submitted.notify_one();
    }

    fn finished(&mut self) -> Option<Job<W>> {
        self.shared.lock().done.pop_front()
    }

    fn wait(&mut self) {
        let mut state = self.shared.lock();
        while !state.waiting.is_empty() || state.under_way > 0 {
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
