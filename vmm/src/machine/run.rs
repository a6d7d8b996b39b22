//! A machine's run: the threads start, the event loop goes on until there is an [`Ending`], and the
//! threads end.
//!
//! 1. What waits for the guest starts, each thread within its walls; then the vCPUs, a thread each.
//! 2. The calling thread is the event loop. Whoever knows of an end reports it and wakes the loop.
//! 3. A vCPU is in the guest most of the time: it is kicked out of there until it has seen that it
//!    shall stop.

use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use vmm_sys_util::signal::Killable;

use super::error::{Error, Result};
use super::signals::{self, Deadline, Signals};
use super::thread::EventThread;
use super::{Ending, Machine, gdb};
use crate::sandbox::Thread;

/// How long a vCPU gets to notice that it shall stop before it is kicked again.
const KICK_EVERY: Duration = Duration::from_millis(5);
/// How long all vCPUs together get before one of them counts as stuck.
const KICK_LIMIT: Duration = Duration::from_secs(10);

impl Machine {
    /// Runs the guest until it ends, `limit` passes, or a termination signal arrives.
    pub fn run(mut self, limit: Option<Duration>) -> Result<Ending> {
        let endings = self.context.endings.clone();
        self.add_subscriber(Box::new(Signals::new(endings.clone())?));
        self.add_subscriber(Box::new(Deadline::new(endings.clone(), limit)?));
        if let Some((timeline, _)) = &self.timed {
            timeline.note_vcpus();
        }
        for start in self.starts.drain(..) {
            start(&self.sandbox)?;
        }
        let beside = std::mem::take(&mut self.beside).into_iter();
        let beside: Vec<EventThread> = beside
            .map(|(name, subscriber)| EventThread::start(&self.sandbox, name, subscriber))
            .collect::<Result<_>>()?;
        let threads = self.start_vcpus()?;
        self.sandbox.enter(Thread::Machine).map_err(|e| Error::System("sandbox", e.into()))?;
        let ending = loop {
            if let Some(ending) = endings.get() {
                break ending;
            }
            if let Err(error) = self.events.run() {
                break Ending::KvmError(format!("the event loop failed: {error:?}"));
            }
        };
        if let Some((timeline, footprint)) = self.timed.take() {
            match footprint.anonymous_beside(&self.memory) {
                Ok(bytes) => timeline.note_own_memory(bytes),
                Err(error) => tracing::warn!("cannot read /proc/self/smaps: {error}"),
            }
        }
        self.context.stop.store(true, Ordering::Release);
        drop(beside);
        if !stop_vcpus(threads) {
            tracing::error!("a vCPU did not stop within {KICK_LIMIT:?}");
            // It may come back and still use what the machine holds.
            std::mem::forget(self);
        }
        Ok(ending)
    }

    fn start_vcpus(&mut self) -> Result<Vec<JoinHandle<()>>> {
        signals::handle_kicks()?;
        let mut threads = Vec::new();
        let mut breaks = Vec::new();
        if let Some((listener, trap)) = self.debugger.take() {
            let refused = |error| Error::System("start the debugger", error);
            let (control, ends) = gdb::Control::new(self.vcpus.len()).map_err(refused)?;
            breaks = ends;
            let (memory, endings) = (self.memory.clone(), self.context.endings.clone());
            let session = gdb::Session::new(listener, control, trap, memory, endings);
            let run = move || session.run();
            let thread = self.sandbox.spawn(Thread::Debugger, "gdb".into(), run);
            threads.push(thread.map_err(refused)?);
        }
        let mut breaks = breaks.into_iter();
        for (index, mut vcpu) in self.vcpus.drain(..).enumerate() {
            let (context, breaks) = (self.context.clone(), breaks.next());
            let run = move || context.run(&mut vcpu, breaks.as_ref());
            let thread = self.sandbox.spawn(Thread::Vcpu, format!("vcpu{index}"), run);
            threads.push(thread.map_err(|e| Error::Thread("a vCPU", e))?);
        }
        Ok(threads)
    }
}

/// Makes the vCPU threads leave the guest and end. Answers false if one does not.
fn stop_vcpus(threads: Vec<JoinHandle<()>>) -> bool {
    let deadline = Instant::now() + KICK_LIMIT;
    for thread in threads {
        while !thread.is_finished() {
            if Instant::now() > deadline {
                return false;
            }
            // The thread may be just about to enter the guest, so one kick is not enough.
            let _ = thread.kill(signals::kick_signal());
            std::thread::sleep(KICK_EVERY);
        }
        let _ = thread.join();
    }
    true
}
