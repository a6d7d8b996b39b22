//! An executor whose jobs are done when the test says so.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::virtio::{Executor, Job};

type Work<W> = Box<dyn FnMut(&mut W) + Send>;

struct State<W> {
    waiting: VecDeque<Job<W>>,
    done: VecDeque<Job<W>>,
    work: Work<W>,
}

/// A share in the jobs.
pub struct Workbench<W>(Arc<Mutex<State<W>>>);

impl<W> Clone for Workbench<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W> Workbench<W> {
    pub fn new(work: impl FnMut(&mut W) + Send + 'static) -> Self {
        let (waiting, done) = (VecDeque::new(), VecDeque::new());
        Self(Arc::new(Mutex::new(State { waiting, done, work: Box::new(work) })))
    }

    /// Jobs that were handed over and not done.
    pub fn waiting(&self) -> usize {
        self.0.lock().unwrap().waiting.len()
    }

    /// Does them all, the last one first: nobody promised an order.
    pub fn work(&self) {
        let mut state = self.0.lock().unwrap();
        while let Some(mut job) = state.waiting.pop_back() {
            (state.work)(&mut job.work);
            state.done.push_back(job);
        }
    }
}

impl<W: Send> Executor<W> for Workbench<W> {
    fn submit(&mut self, job: Job<W>) {
        self.0.lock().unwrap().waiting.push_back(job);
    }

    fn finished(&mut self) -> Option<Job<W>> {
        self.0.lock().unwrap().done.pop_front()
    }

    fn cancel(&mut self, queue: Option<u16>) {
        let mut state = self.0.lock().unwrap();
        state.waiting.retain(|job| queue.is_some_and(|queue| job.queue() != queue));
    }
}
