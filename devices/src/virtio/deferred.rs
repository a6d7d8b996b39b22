//! Chains whose work takes time: handed out, and given back to the driver when it is done.
//!
//! 1. [`Deferred::serve`] pops chains; each becomes a [`Job`] for an [`Executor`], or is answered at
//!    once: it needs no work, or the executor does it without waiting.
//! 2. The executor does the jobs elsewhere, in any order, and has the machine ring [`WOKEN`].
//! 3. [`Deferred::give_back`] completes the chains of the jobs that are done, once the device may
//!    reach memory.
//!
//! A driver that takes a queue or the device back finds nobody in its memory: both drop the jobs that
//! wait, and wait for those under way.
//!
//! [`WOKEN`]: super::WOKEN

use std::collections::VecDeque;

use super::{Chain, Fault, Served, Transport, Used, serve};
use crate::memory::DmaMemory;

/// One chain's work.
#[derive(Debug)]
pub struct Job<W> {
    queue: u16,
    head: u16,
    /// What is to do.
    pub work: W,
}

impl<W> Job<W> {
    /// The work of the chain that starts at descriptor `head` of `queue`.
    pub fn new(queue: u16, head: u16, work: W) -> Self {
        Self { queue, head, work }
    }

    /// The queue that the chain came from.
    pub fn queue(&self) -> u16 {
        self.queue
    }
}

/// Somebody who does jobs.
pub trait Executor<W>: Send {
    /// Does the work now if nobody has to wait for it. Answers whether it did.
    fn do_at_once(&mut self, _work: &mut W) -> bool {
        false
    }

    /// Takes a job; does not wait.
    fn submit(&mut self, job: Job<W>);

    /// Gives a job back that is done.
    fn finished(&mut self) -> Option<Job<W>>;

    /// Forgets the jobs of `queue`, or of all queues, that nobody has begun, and waits for those that
    /// somebody has.
    fn cancel(&mut self, queue: Option<u16>);
}

/// What became of a chain that was looked at.
#[derive(Debug)]
pub enum Taken<W> {
    /// It is done with; so many bytes were written into it.
    Done(u32),
    /// This is to do.
    Work(W),
}

/// Writes what is to be told of work that is done; answers how many bytes were written into the chain.
pub type Finish<W> = fn(W, &DmaMemory) -> Result<u32, Fault>;

/// The jobs of one device.
pub struct Deferred<W> {
    executor: Box<dyn Executor<W>>,
    finish: Finish<W>,
    /// Chains of each queue that are worked on.
    under_way: Vec<u16>,
    /// Done, but not asked for yet.
    kept: VecDeque<Job<W>>,
    /// Queues that wait for what is under way.
    held: Vec<u16>,
}

impl<W> Deferred<W> {
    /// Nothing to do yet for the `queues` queues of a device.
    pub fn new(executor: Box<dyn Executor<W>>, finish: Finish<W>, queues: usize) -> Self {
        let under_way = vec![0; queues];
        Self { executor, finish, under_way, kept: VecDeque::new(), held: Vec::new() }
    }

    /// Looks at the chains of queue `index` and hands out what they ask for. Answers true when it
    /// stopped at a cap.
    pub fn serve(
        &mut self,
        transport: &mut Transport,
        index: u16,
        mut look: impl FnMut(Chain<'_>, &DmaMemory) -> Result<Taken<W>, Fault>,
    ) -> bool {
        let size = transport.queue(index).map_or(0, |queue| queue.size());
        let Self { executor, finish, under_way, held, .. } = self;
        let Some(under_way) = under_way.get_mut(usize::from(index)) else { return false };
        serve(transport, index, |chain, memory| {
            // More than the queue holds: the driver offers a chain again before it has it back.
            if *under_way >= size {
                held.push(index);
                return Ok(Served::Later);
            }
            let head = chain.head_index();
            Ok(match look(chain, memory)? {
                Taken::Done(length) => Served::Done(length),
                Taken::Work(mut work) => {
                    if executor.do_at_once(&mut work) {
                        return finish(work, memory).map(Served::Done);
                    }
                    *under_way += 1;
                    executor.submit(Job::new(index, head, work));
                    Served::Taken
                }
            })
        })
    }

    /// Gives back what is done. Answers the queues that were held up for it: serve them.
    pub fn give_back(&mut self, transport: &mut Transport) -> Vec<u16> {
        while let Some(Job { queue, head, work }) = self.next_finished() {
            if transport.waits_for_bus(queue) {
                self.kept.push_front(Job { queue, head, work });
                break;
            }
            if let Some(under_way) = self.under_way.get_mut(usize::from(queue)) {
                *under_way = under_way.saturating_sub(1);
            }
            // Without a driver there is nobody to give it to.
            let Some(mut active) = transport.queue(queue) else { continue };
            let given = (self.finish)(work, active.memory())
                .and_then(|length| active.complete(&[Used { head, length }]));
            drop(active);
            if let Err(fault) = given {
                transport.fail(fault);
            }
        }
        // Where nothing was given back this does nothing.
        for queue in 0..self.under_way.len() as u16 {
            let signalled = transport.queue(queue).map(|mut active| active.signal());
            if let Some(Err(fault)) = signalled {
                transport.fail(fault);
            }
        }
        std::mem::take(&mut self.held)
    }

    fn next_finished(&mut self) -> Option<Job<W>> {
        self.kept.pop_front().or_else(|| self.executor.finished())
    }

    /// Forgets the jobs of `queue`, as soon as none is under way.
    pub fn reset_queue(&mut self, queue: u16) {
        self.executor.cancel(Some(queue));
        while let Some(job) = self.executor.finished() {
            self.kept.push_back(job);
        }
        self.kept.retain(|job| job.queue != queue);
        if let Some(under_way) = self.under_way.get_mut(usize::from(queue)) {
            *under_way = 0;
        }
    }

    /// Forgets all jobs, as soon as none is under way.
    pub fn reset(&mut self) {
        self.executor.cancel(None);
        while self.executor.finished().is_some() {}
        self.kept.clear();
        self.held.clear();
        self.under_way.fill(0);
    }
}
