//! Moves frames between a NIC and its backend: the subscriber that does a NIC's work on the
//! event loop.
//!
//! Every wake-up ends in [`NicWorker::pump`]: the rest of the last batch, then transmit rounds,
//! then a run of received frames, each under the function's lock, with the interrupt passed on
//! before the lock is released. The backend's descriptor is watched for what is worth waking up
//! for: input unless the guest has no room, output while a batch is left over.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use devices::net::{Backend, Offloads, Receipt, Sent, Transmit};
use event_manager::{EventOps, Events, MutEventSubscriber};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::timerfd::TimerFd;

use super::error::{Error, Result};
use super::slot::Slot;

const WIRE: u32 = 0;
const RESAMPLE: u32 = 1;
const RECONNECT: u32 = 2;
const SERVICE: u32 = 3;
const ALARM: u32 = 4;
const FIRST_BELL: u32 = 5;

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
    /// What the backend was told that the guest takes unfinished.
    takes: Offloads,
    /// The backend holds the rest of a batch.
    blocked: bool,
    /// The guest has no room for the next frame.
    starved: bool,
    /// There may be frames: the descriptor said so, and they were not taken to the end.
    readable: bool,
}

/// The backend's descriptor as the event loop knows it: a duplicate of our own, so that it can be
/// taken off the loop after the backend closed the original.
struct Watched {
    original: RawFd,
    duplicate: OwnedFd,
    interest: EventSet,
}

impl NicWorker {
    /// The worker between the NIC in `slot` and `backend`.
    pub fn new(slot: Arc<Slot>, backend: Box<dyn Backend>) -> Result<Self> {
        let reconnect = TimerFd::new().map_err(|e| Error::System("timerfd", e.into()))?;
        Ok(Self {
            slot,
            backend,
            watched: None,
            reconnect,
            link: true,
            takes: Offloads::default(),
            blocked: false,
            starved: false,
            readable: true,
        })
    }

    /// Moves what there is to move. `bell` rang, if any did.
    fn pump(&mut self, bell: Option<u32>, ops: &mut EventOps) {
        let more = self.transmit(bell) | self.receive();
        if more {
            let _ = self.slot.service().write(1);
        }
        self.follow_link();
        self.watch(ops);
    }

    /// Sends until the guest has nothing more. Each round takes the function's lock anew, so that
    /// the guest's own accesses come in between and interrupts leave early. Answers whether there
    /// is more.
    fn transmit(&mut self, mut bell: Option<u32>) -> bool {
        let Self { slot, backend, blocked, takes, .. } = self;
        if *blocked && backend.resume() == Sent::Blocked {
            if let Some(id) = bell {
                slot.drive(|function| function.ring(id));
            }
            return false;
        }
        for _ in 0..TRANSMIT_ROUNDS {
            let end = slot.drive(|function| {
                if let Some(id) = bell.take().or_else(|| function.unfinished()) {
                    function.ring(id);
                }
                let more = function.unfinished().is_some();
                let Some(nic) = function.as_nic() else { return Transmit::Idle };
                let takes_now = nic.takes();
                if std::mem::replace(takes, takes_now) != takes_now {
                    backend.deliver(takes_now);
                }
                match nic.transmit(backend.as_mut()) {
                    Transmit::Idle if more => Transmit::More,
                    end => end,
                }
            });
            *blocked = end == Transmit::Blocked;
            if end != Transmit::More {
                return false;
            }
        }
        true
    }

    /// Receives what has arrived, as far as the guest has room. Answers whether there is more.
    fn receive(&mut self) -> bool {
        // Without a descriptor nobody tells when frames arrive.
        if !self.readable && self.backend.descriptor().is_some() {
            return false;
        }
        let Self { slot, backend, starved, readable, .. } = self;
        slot.drive(|function| {
            let Some(nic) = function.as_nic() else { return false };
            *starved = false;
            let mut frames = 0;
            while let Some((frame, metadata)) = backend.peek() {
                if frames == RECEIVE_FRAMES {
                    nic.flush();
                    return true;
                }
                if nic.receive(frame, metadata) == Receipt::NoRoom {
                    *starved = true;
                    nic.flush();
                    return false;
                }
                backend.consume();
                frames += 1;
            }
            *readable = false;
            nic.flush();
            false
        })
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
        let descriptor = self.backend.descriptor();
        let original = descriptor.map(|fd| fd.as_raw_fd());
        if let Some(mut watched) = self.watched.take_if(|old| Some(old.original) != original) {
            let _ = watched.change(EventSet::empty(), ops);
        }
        let added = match (&mut self.watched, descriptor) {
            (Some(watched), _) => watched.change(interest, ops),
            (None, None) => Ok(()),
            (None, Some(descriptor)) => match descriptor.try_clone_to_owned() {
                Err(error) => Err(error.to_string()),
                Ok(duplicate) => {
                    let original = descriptor.as_raw_fd();
                    let interest_now = EventSet::empty();
                    let watched = Watched { original, duplicate, interest: interest_now };
                    self.watched.insert(watched).change(interest, ops)
                }
            },
        };
        if let Err(error) = added {
            tracing::error!("watching the network backend failed: {error}");
        }
    }
}

impl Watched {
    /// Changes what the descriptor is watched for. With no interest it is off the loop: a hang-up
    /// that nobody attends to would be reported without end.
    fn change(
        &mut self,
        interest: EventSet,
        ops: &mut EventOps,
    ) -> std::result::Result<(), String> {
        if self.interest == interest {
            return Ok(());
        }
        let events = |set| Events::with_data(&self.duplicate, WIRE, set);
        let changed = if interest.is_empty() {
            ops.remove(events(self.interest))
        } else if self.interest.is_empty() {
            ops.add(events(interest))
        } else {
            ops.modify(events(interest))
        };
        self.interest = interest;
        changed.map_err(|error| format!("{error:?}"))
    }
}

impl MutEventSubscriber for NicWorker {
    fn init(&mut self, ops: &mut EventOps) {
        let Self { slot, reconnect, .. } = self;
        let mut events = vec![
            Events::with_data(slot.line().resample(), RESAMPLE, EventSet::IN),
            Events::with_data(&*reconnect, RECONNECT, EventSet::IN),
            Events::with_data(slot.service(), SERVICE, EventSet::IN),
            Events::with_data(slot.alarm(), ALARM, EventSet::IN),
        ];
        for (bell, data) in slot.bells().iter().zip(FIRST_BELL..) {
            events.push(Events::with_data(&bell.event, data, EventSet::IN));
        }
        if let Some(error) = events.into_iter().find_map(|event| ops.add(event).err()) {
            tracing::error!("a NIC's events cannot be watched: {error:?}");
        }
        self.pump(None, ops);
    }

    fn process(&mut self, events: Events, ops: &mut EventOps) {
        let mut rang = None;
        match events.data() {
            WIRE => self.readable = true,
            RESAMPLE => return self.slot.line().resampled(),
            RECONNECT => {
                let _ = self.reconnect.wait();
                if !self.backend.reconnect() {
                    return;
                }
            }
            ALARM => {
                self.slot.alarm().rang();
                return self.slot.drive(|_| ());
            }
            SERVICE => {
                let _ = self.slot.service().read();
            }
            bell => {
                if let Some(bell) = self.slot.bells().get((bell - FIRST_BELL) as usize) {
                    let _ = bell.event.read();
                    rang = Some(bell.id);
                }
            }
        }
        self.pump(rang, ops);
    }
}
