//! Moves frames between a NIC and its backend: the subscriber that does a NIC's work on an event
//! loop.
//!
//! Every wake-up ends in [`NicWorker::pump`]: the rest of the last batch, then transmit rounds,
//! then a run of received frames, with the interrupt passed on after each. The backend's descriptor
//! is watched for what is worth waking up for: input unless the guest has no room, output while a
//! batch is left over.
//!
//! A worker has a whole NIC, under the function's lock, or one pair of queues, which has a lock of its
//! own; then the function has a [`Worker`](super::worker::Worker) beside it.

use std::sync::Arc;
use std::time::Duration;

use devices::net::{Backend, Nic, Offloads, QueuePair, Run, Sent, Transmit};
use event_manager::{EventOps, Events, MutEventSubscriber};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};
use vmm_sys_util::timerfd::TimerFd;

use super::error::{Error, Result};
use super::linger::Linger;
use super::slot::{Bell, Slot};
use super::watched::Watched;

const WIRE: u32 = 0;
const RESAMPLE: u32 = 1;
const RECONNECT: u32 = 2;
const SERVICE: u32 = 3;
const ALARM: u32 = 4;
const AGAIN: u32 = 5;
const INBOX: u32 = 6;
const FIRST_BELL: u32 = 7;

/// Transmit rounds in a row before others get their turn.
const TRANSMIT_ROUNDS: usize = 16;
/// Frames received in a row before others get their turn.
const RECEIVE_FRAMES: usize = 256;
/// How long to wait before trying to reach a lost peer again.
const RECONNECT_EVERY: Duration = Duration::from_millis(100);

/// What a worker drives.
enum Lane {
    /// The whole function.
    Whole,
    /// A pair of queues.
    Pair {
        /// The pair.
        pair: QueuePair,
        /// It is the first: it follows the link for all of them.
        first: bool,
    },
}

/// What the backend was told about the guest.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Told {
    takes: Offloads,
    active: bool,
}

/// A NIC's worker.
pub struct NicWorker {
    slot: Arc<Slot>,
    lane: Lane,
    backend: Box<dyn Backend>,
    watched: Option<Watched>,
    reconnect: TimerFd,
    /// Rung by the worker itself, when it stops with work left.
    again: EventFd,
    link: bool,
    told: Told,
    /// The backend holds the rest of a batch.
    blocked: bool,
    /// The guest has no room for the next frame.
    starved: bool,
    linger: Linger,
    /// There may be frames: the descriptor said so, and they were not taken to the end.
    readable: bool,
}

impl Lane {
    /// Whether it attends to doorbell `id`.
    fn hears(&self, id: u32) -> bool {
        match self {
            Self::Whole => true,
            Self::Pair { pair, .. } => pair.bells.contains(&id),
        }
    }

    /// Rings `bell`, then runs `work`, and passes the interrupt on.
    fn drive<T>(
        &mut self,
        slot: &Slot,
        bell: Option<u32>,
        work: impl FnOnce(&mut dyn Nic) -> T,
    ) -> Option<T> {
        match self {
            Self::Whole => slot.drive(|function| {
                if let Some(id) = bell {
                    function.ring(id);
                }
                function.as_nic().map(work)
            }),
            Self::Pair { pair: QueuePair { nic, .. }, .. } => {
                // To a driver that knows of one pair, this may be the control queue.
                if let Some(id) = bell.filter(|_| !nic.is_active()) {
                    slot.drive(|function| function.ring(id));
                    let _ = slot.service().write(1);
                }
                let result = work(nic.as_mut());
                if nic.asserts() {
                    slot.drive(|_| ());
                }
                Some(result)
            }
        }
    }

    /// Has `look` look at the NIC.
    fn look(&mut self, slot: &Slot, look: impl FnOnce(&mut dyn Nic) -> bool) -> bool {
        match self {
            Self::Whole => slot.look(|function| function.as_nic().is_some_and(look)),
            Self::Pair { pair, .. } => look(pair.nic.as_mut()),
        }
    }
}

impl NicWorker {
    /// The worker between the whole NIC in `slot` and `backend`.
    pub fn new(slot: Arc<Slot>, backend: Box<dyn Backend>) -> Result<Self> {
        Self::on(Lane::Whole, slot, backend)
    }

    /// The worker between pair number `index` of the NIC in `slot` and `backend`.
    pub fn of_pair(
        slot: Arc<Slot>,
        pair: QueuePair,
        index: usize,
        backend: Box<dyn Backend>,
    ) -> Result<Self> {
        Self::on(Lane::Pair { pair, first: index == 0 }, slot, backend)
    }

    fn on(lane: Lane, slot: Arc<Slot>, backend: Box<dyn Backend>) -> Result<Self> {
        let reconnect = TimerFd::new().map_err(|e| Error::System("timerfd", e.into()))?;
        let again = EventFd::new(EFD_NONBLOCK).map_err(|e| Error::System("eventfd", e))?;
        Ok(Self {
            slot,
            lane,
            backend,
            watched: None,
            reconnect,
            again,
            link: true,
            told: Told { takes: Offloads::default(), active: true },
            blocked: false,
            starved: false,
            linger: Linger::default(),
            readable: true,
        })
    }

    /// The doorbells to attend to.
    fn bells(&self) -> impl Iterator<Item = &Bell> {
        self.slot.bells().iter().filter(|bell| self.lane.hears(bell.id))
    }

    /// Moves what there is to move. `bell` rang, if any did.
    fn pump(&mut self, bell: Option<u32>, ops: &mut EventOps) {
        let more = self.transmit(bell) | self.receive();
        if more {
            let _ = self.again.write(1);
        }
        if !matches!(self.lane, Lane::Pair { first: false, .. }) {
            self.follow_link();
        }
        self.watch(ops);
    }

    /// Sends until the guest has nothing more, and looks for more for a moment. Each round takes the
    /// lock anew, so that the guest's own accesses come in between and interrupts leave early. Answers
    /// whether there is more.
    fn transmit(&mut self, mut bell: Option<u32>) -> bool {
        let Self { slot, lane, backend, blocked, told, linger, .. } = self;
        if *blocked && backend.resume() == Sent::Blocked {
            lane.drive(slot, bell, |_| ());
            return false;
        }
        for _ in 0..TRANSMIT_ROUNDS {
            let mut had_some = false;
            let end = lane.drive(slot, bell.take(), |nic| {
                told.update(nic, backend.as_mut());
                had_some = nic.look();
                nic.transmit(backend.as_mut())
            });
            *blocked = end == Some(Transmit::Blocked);
            if *blocked || end.is_none() {
                return false;
            }
            if end == Some(Transmit::Idle) && !(had_some && more_soon(linger, lane, slot)) {
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
        let Self { slot, lane, backend, starved, readable, .. } = self;
        let more = lane.drive(slot, None, |nic| {
            let end = nic.receive_run(backend.as_mut(), RECEIVE_FRAMES);
            *starved = end == Run::NoRoom;
            *readable = end != Run::Dry;
            end == Run::More
        });
        more == Some(true)
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
            // What is left over goes the way of what the guest sends from now on: it is lost.
            let _ = self.again.write(1);
            self.reconnect.reset(RECONNECT_EVERY, Some(RECONNECT_EVERY))
        };
        if let Err(error) = armed {
            tracing::warn!("the reconnect timer failed: {error}");
        }
    }

    /// Watches the backend's descriptor for what matters now.
    fn watch(&mut self, ops: &mut EventOps) {
        let mut interest = EventSet::empty();
        if !self.starved && self.backend.reads() {
            interest |= EventSet::IN;
        }
        if self.blocked {
            interest |= EventSet::OUT;
        }
        if let Err(error) = Watched::follow(&mut self.watched, &*self.backend, WIRE, interest, ops)
        {
            tracing::error!("watching the network backend failed: {error}");
        }
    }
}

/// Whether the guest has more to send in a moment. If not, it rings when it has.
fn more_soon(linger: &mut Linger, lane: &mut Lane, slot: &Slot) -> bool {
    linger.is_due()
        && (linger.wait(|| lane.look(slot, |nic| nic.look())) || lane.look(slot, |nic| nic.rest()))
}

impl Told {
    /// Tells `backend` what changed with `nic`.
    fn update(&mut self, nic: &dyn Nic, backend: &mut dyn Backend) {
        let now = Self { takes: nic.takes(), active: nic.is_active() };
        let before = std::mem::replace(self, now);
        if before.takes != now.takes {
            backend.deliver(now.takes);
        }
        if before.active != now.active {
            backend.activate(now.active);
        }
    }
}

impl MutEventSubscriber for NicWorker {
    fn init(&mut self, ops: &mut EventOps) {
        let Self { slot, reconnect, again, .. } = self;
        let mut events = vec![
            Events::with_data(&*reconnect, RECONNECT, EventSet::IN),
            Events::with_data(&*again, AGAIN, EventSet::IN),
        ];
        if matches!(self.lane, Lane::Whole) {
            events.extend([
                Events::with_data(slot.line().resample(), RESAMPLE, EventSet::IN),
                Events::with_data(slot.service(), SERVICE, EventSet::IN),
                Events::with_data(slot.alarm(), ALARM, EventSet::IN),
            ]);
        }
        if let Some(inbox) = self.backend.inbox() {
            events.push(Events::with_data(&inbox, INBOX, EventSet::IN | EventSet::EDGE_TRIGGERED));
        }
        for (bell, data) in self.bells().zip(FIRST_BELL..) {
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
            WIRE | INBOX => self.readable = true,
            RESAMPLE => return self.slot.line().resampled(),
            RECONNECT => {
                let _ = self.reconnect.wait();
                if !self.backend.reconnect() {
                    return;
                }
            }
            ALARM => {
                self.slot.alarm().rang();
                self.slot.drive(|_| ());
                if !self.starved {
                    return;
                }
            }
            SERVICE => {
                let _ = self.slot.service().read();
            }
            AGAIN => {
                let _ = self.again.read();
            }
            bell => {
                if let Some(bell) = self.bells().nth((bell - FIRST_BELL) as usize) {
                    let _ = bell.event.read();
                    rang = Some(bell.id);
                }
            }
        }
        self.pump(rang, ops);
    }
}
