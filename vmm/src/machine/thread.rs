//! A thread with an event loop of its own, for what shall not wait for the one of the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use event_manager::{EventManager, EventOps, Events, MutEventSubscriber, SubscriberOps};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::Subscriber;
use super::error::{Error, Result};
use crate::sandbox::{Sandbox, Thread};

/// A running thread; ends when dropped.
pub struct EventThread {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// The word to end.
struct Stop {
    said: AtomicBool,
    event: EventFd,
}

/// Wakes the loop, so that it looks whether it shall end.
struct Waker(Arc<Stop>);

impl MutEventSubscriber for Waker {
    fn init(&mut self, ops: &mut EventOps) {
        if let Err(error) = ops.add(Events::new(&self.0.event, EventSet::IN)) {
            tracing::error!("the end of a thread cannot be watched: {error:?}");
        }
    }

    fn process(&mut self, _events: Events, _ops: &mut EventOps) {
        let _ = self.0.event.read();
    }
}

impl EventThread {
    /// Starts a thread `name`, within its walls, that attends to `subscriber`.
    pub fn start(sandbox: &Sandbox, name: String, subscriber: Subscriber) -> Result<Self> {
        let refused = |error| Error::System("start a thread of a device", error);
        let event = EventFd::new(EFD_NONBLOCK).map_err(refused)?;
        let stop = Arc::new(Stop { said: AtomicBool::new(false), event });
        let mut events: EventManager<Subscriber> = EventManager::new()
            .map_err(|error| refused(std::io::Error::other(format!("{error:?}"))))?;
        events.add_subscriber(Box::new(Waker(stop.clone())));
        events.add_subscriber(subscriber);
        let word = stop.clone();
        let run = move || {
            while !word.said.load(Ordering::Acquire) {
                if let Err(error) = events.run() {
                    return tracing::error!("the event loop of a device failed: {error:?}");
                }
            }
        };
        let thread = sandbox
            .spawn(Thread::Nic, name, run)
            .map_err(|error| Error::Thread("a device", error))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for EventThread {
    fn drop(&mut self) {
        self.stop.said.store(true, Ordering::Release);
        let _ = self.stop.event.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
