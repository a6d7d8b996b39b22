//! The other side of each device, which does what the story says.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use devices::sync::lock;
use devices::virtio::console::Port;
use devices::virtio::vsock::{self, Key};
use devices::virtio::{Executor, Job};

/// Keys that wait to be told of at once.
const WAITING: usize = 64;

/// What the host's end of ports and streams has in mind.
#[derive(Debug, Default)]
pub struct Mood {
    /// Bytes that it gives from now on.
    pub gives: usize,
    /// Bytes that it takes from now on.
    pub takes: usize,
    /// A stream is at its end once nothing is left to give.
    pub ends: bool,
    /// Streams fail.
    pub fails: bool,
    /// Nobody listens.
    pub refuses: bool,
    /// Streams that have news.
    pub woken: Vec<Key>,
    /// Streams that the host's programs want to have.
    pub asked: VecDeque<Key>,
}

/// A share in it.
#[derive(Clone, Debug, Default)]
pub struct Host(Arc<Mutex<Mood>>);

impl Host {
    /// Its mood, to be changed.
    pub fn mood(&self) -> MutexGuard<'_, Mood> {
        lock(&self.0)
    }

    /// A program of the host wants to talk to the guest, or has something to say.
    pub fn note(&self, key: Key, asks: bool) {
        let mut mood = self.mood();
        if asks && mood.asked.len() < WAITING {
            mood.asked.push_back(key);
        } else if mood.woken.len() < WAITING {
            mood.woken.push(key);
        }
    }

    fn give(&self, data: &mut [u8]) -> usize {
        let mut mood = self.mood();
        let count = mood.gives.min(data.len());
        mood.gives -= count;
        data[..count].fill(0x5a);
        count
    }

    fn take(&self, data: &[u8]) -> usize {
        let mut mood = self.mood();
        let count = mood.takes.min(data.len());
        mood.takes -= count;
        count
    }
}

impl Port for Host {
    fn write(&mut self, data: &[u8]) -> usize {
        self.take(data)
    }

    fn read(&mut self, data: &mut [u8]) -> usize {
        self.give(data)
    }
}

impl vsock::Host for Host {
    fn connect(&mut self, _key: Key) -> Option<Box<dyn vsock::Stream>> {
        (!self.mood().refuses).then(|| Box::new(self.clone()) as Box<dyn vsock::Stream>)
    }

    fn accept(&mut self) -> Option<(Key, Box<dyn vsock::Stream>)> {
        let key = self.mood().asked.pop_front()?;
        Some((key, Box::new(self.clone())))
    }

    fn woken(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.mood().woken)
    }
}

impl Host {
    fn result(&self, count: usize) -> io::Result<usize> {
        let mood = self.mood();
        match count {
            _ if mood.fails => Err(io::ErrorKind::ConnectionReset.into()),
            0 if !mood.ends => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl vsock::Stream for Host {
    fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
        let count = self.give(data);
        self.result(count)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let count = self.take(data);
        self.result(count)
    }

    fn finish_writing(&mut self) {}
}

/// Jobs that wait, and jobs that are done.
#[derive(Debug)]
struct Jobs<W> {
    waiting: VecDeque<Job<W>>,
    done: VecDeque<Job<W>>,
}

/// An executor whose jobs are done when the story says so.
#[derive(Debug)]
pub struct Bench<W>(Arc<Mutex<Jobs<W>>>);

impl<W> Clone for Bench<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W> Default for Bench<W> {
    fn default() -> Self {
        let (waiting, done) = (VecDeque::new(), VecDeque::new());
        Self(Arc::new(Mutex::new(Jobs { waiting, done })))
    }
}

impl<W> Bench<W> {
    fn jobs(&self) -> MutexGuard<'_, Jobs<W>> {
        lock(&self.0)
    }

    /// Does the job that came last, by `work`. Answers how many there were.
    pub fn work(&self, work: impl FnOnce(&mut W)) -> usize {
        let mut jobs = self.jobs();
        let count = jobs.waiting.len();
        if let Some(mut job) = jobs.waiting.pop_back() {
            work(&mut job.work);
            jobs.done.push_back(job);
        }
        count
    }
}

impl<W: Send> Executor<W> for Bench<W> {
    fn submit(&mut self, job: Job<W>) {
        self.jobs().waiting.push_back(job);
    }

    fn finished(&mut self) -> Option<Job<W>> {
        self.jobs().done.pop_front()
    }

    fn cancel(&mut self, queue: Option<u16>) {
        self.jobs().waiting.retain(|job| queue.is_some_and(|queue| job.queue() != queue));
    }
}
