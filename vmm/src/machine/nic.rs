//! Moves frames between a NIC and its backend: the subscriber that does a NIC's work on the
//! event loop.
//!
//! Every wake-up ends in [`NicWorker::pump`]: rest of the last batch, then transmit, then
//! receive, then the interrupt, all under one lock of the function. The backend's descriptor is
//! watched for what is worth waking up for: input unless the guest has no room, output while a
//! batch is left over.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use devices::net::{Backend, Nic, Receipt, Sent, Transmit};
use event_manager::{EventOps, Events, MutEventSubscriber};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::timerfd::TimerFd;

use super::error::{Error, Result};
use super::slot::Slot;

const WIRE: u32 = 0;
const RESAMPLE: u32 = 1;
const RECONNECT: u32 = 2;
const SERVICE: u32 = 3;
const FIRST_BELL: u32 = 4;

/// Transmit rounds in a row before others get their turn.
const TRANSMIT_ROUNDS: usize = 16;
/// Frames received in a row before others get their turn.
const RECEIVE_FRAMES: usize = 256;
/// How long to wait before trying to reach a lost peer again.
const RECONNECT_EVERY: Duration = Duration::from_millis(100);

/// A NIC's worker.
pub struct NicWorker {
    slot: Arc<Slot>,
    backend: Box<dyn Backend>,
    watched: Option<Watched>,
    reconnect: TimerFd,
    link: bool,
    /// The backend holds the rest of a batch.
    blocked: bool,
    /// The guest has no room for the next frame.
    starved: bool,
}

/// The backend's descriptor as the event loop knows it: a duplicate of our own, so that it can be
/// taken off the loop after the backend closed the original.
struct Watched {
    original: RawFd,
    duplicate: OwnedFd,
    interest: EventSet,
}

/// What is left to do after a pump.
struct Rest {
    blocked: bool,
    starved: bool,
    more: bool,
}

impl NicWorker {
    /// The worker between the NIC in `slot` and `backend`.
    pub fn new(slot: Arc<Slot>, backend: Box<dyn Backend>) -> Result<Self> {
        let reconnect = TimerFd::new().map_err(|e| Error::System("timerfd", e.into()))?;
        let link = true;
        let worker =
            Self { slot, backend, watched: None, reconnect, link, blocked: false, starved: false };
        Ok(worker)
    }

    fn pump(&mut self, ops: &mut EventOps) {
        let Self { slot, backend, blocked, .. } = self;
        let was_blocked = *blocked;
        let rest = slot.drive(|function| match function.as_nic() {
            Some(nic) => move_frames(nic, backend.as_mut(), was_blocked),
            None => Rest { blocked: false, starved: false, more: false },
        });
        self.blocked = rest.blocked;
        self.starved = rest.starved;
        if rest.more {
            let _ = self.slot.service().write(1);
        }
        self.follow_link();
        self.watch(ops);
    }

    /// Tells the guest when the link changed, and keeps trying while it is down.
    fn follow_link(&mut self) {
        let link = self.backend.link();
        if link == self.link {
            return;
        }
        self.link = link;
        self.slot.drive(|function| {
            if let Some(nic) = function.as_nic() {
                nic.set_link(link);
            }
        });
        let armed = if link {
            self.reconnect.clear()
        } else {
            self.blocked = false;
            self.reconnect.reset(RECONNECT_EVERY, Some(RECONNECT_EVERY))
        };
        if let Err(error) = armed {
            tracing::warn!("the reconnect timer failed: {error}");
        }
    }

    /// Watches the backend's descriptor for what matters now.
    fn watch(&mut self, ops: &mut EventOps) {
        let mut interest = EventSet::empty();
        if !self.starved {
            interest |= EventSet::IN;
        }
        if self.blocked {
            interest |= EventSet::OUT;
        }
        let descriptor = self.backend.descriptor().filter(|_| !interest.is_empty());
        let original = descriptor.map(|fd| fd.as_raw_fd());
        if self.watched.as_ref().map(|watched| (watched.original, watched.interest))
            == original.map(|fd| (fd, interest))
        {
            return;
        }
        if let Some(old) = self.watched.take() {
            let _ = ops.remove(Events::with_data(&old.duplicate, WIRE, old.interest));
        }
        let Some(descriptor) = descriptor else { return };
        let added =
            descriptor.try_clone_to_owned().map_err(|e| e.to_string()).and_then(|duplicate| {
                ops.add(Events::with_data(&duplicate, WIRE, interest))
                    .map_err(|e| format!("{e:?}"))?;
                let original = descriptor.as_raw_fd();
                self.watched = Some(Watched { original, duplicate, interest });
                Ok(())
            });
        if let Err(error) = added {
            tracing::error!("watching the network backend failed: {error}");
        }
    }
}

fn move_frames(nic: &mut dyn Nic, backend: &mut dyn Backend, was_blocked: bool) -> Rest {
    let mut rest = Rest { blocked: false, starved: false, more: false };
    if was_blocked && backend.resume() == Sent::Blocked {
        rest.blocked = true;
    }
    let mut rounds = 0;
    while !rest.blocked {
        match nic.transmit(backend) {
            Transmit::Idle => break,
            Transmit::Blocked => rest.blocked = true,
            Transmit::More if rounds < TRANSMIT_ROUNDS => rounds += 1,
            Transmit::More => {
                rest.more = true;
                break;
            }
        }
    }
    let mut frames = 0;
    while let Some((frame, metadata)) = backend.peek() {
        if frames == RECEIVE_FRAMES {
            rest.more = true;
            break;
        }
        if nic.receive(frame, metadata) == Receipt::NoRoom {
            rest.starved = true;
            break;
        }
        backend.consume();
        frames += 1;
    }
    nic.flush();
    rest
}

impl MutEventSubscriber for NicWorker {
    fn init(&mut self, ops: &mut EventOps) {
        let Self { slot, reconnect, .. } = self;
        let mut events = vec![
            Events::with_data(slot.line().resample(), RESAMPLE, EventSet::IN),
            Events::with_data(&*reconnect, RECONNECT, EventSet::IN),
            Events::with_data(slot.service(), SERVICE, EventSet::IN),
        ];
        for (bell, data) in slot.bells().iter().zip(FIRST_BELL..) {
            events.push(Events::with_data(&bell.event, data, EventSet::IN));
        }
        if let Some(error) = events.into_iter().find_map(|event| ops.add(event).err()) {
            tracing::error!("a NIC's events cannot be watched: {error:?}");
        }
        self.pump(ops);
    }

    fn process(&mut self, events: Events, ops: &mut EventOps) {
        match events.data() {
            WIRE => {}
            RESAMPLE => return self.slot.line().resampled(),
            RECONNECT => {
                let _ = self.reconnect.wait();
                if !self.backend.reconnect() {
                    return;
                }
            }
            SERVICE => {
                let _ = self.slot.service().read();
            }
            bell => {
                if let Some(bell) = self.slot.bells().get((bell - FIRST_BELL) as usize) {
                    let _ = bell.event.read();
                    self.slot.drive(|function| function.ring(bell.id));
                }
            }
        }
        self.pump(ops);
    }
}
