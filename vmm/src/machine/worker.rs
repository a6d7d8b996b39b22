//! Does the work of a function that has no wire of its own: a console, a source of randomness.
//!
//! Such a function works when one of its doorbells rings. The guest rings by a register write;
//! a [`Peer`], the other end of what the function moves, rings when it has bytes or room. Peers are
//! watched for changes only: bytes that the guest has no room for wait without waking anybody,
//! until the guest rings itself.
//!
//! A NIC whose pairs of queues have workers of their own has this one for what else it does: its
//! registers, its control queue. What is done here may be news for the pairs, so each of them is woken.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use event_manager::{EventOps, Events, MutEventSubscriber};
use vmm_sys_util::epoll::EventSet;

use super::slot::{Bell, Slot};

/// A descriptor that rings a function's doorbells.
#[derive(Debug)]
pub struct Peer {
    /// What is watched.
    pub descriptor: OwnedFd,
    /// The doorbell that rings when it becomes readable, or ends.
    pub readable: u32,
    /// The doorbell that rings when it becomes writable.
    pub writable: u32,
}

const RESAMPLE: u32 = 0;
const SERVICE: u32 = 1;
const FIRST_BELL: u32 = 2;

/// Times that a doorbell whose work stopped at a cap is rung again before others get their turn.
const ROUNDS: usize = 16;

/// The subscriber that drives a function.
pub struct Worker {
    slot: Arc<Slot>,
    peers: Vec<Peer>,
    /// Doorbells that others attend to.
    others: Vec<u32>,
}

impl Worker {
    /// A worker for the function in `slot`.
    pub fn new(slot: Arc<Slot>, peers: Vec<Peer>) -> Self {
        Self { slot, peers, others: Vec::new() }
    }

    /// A worker for what is left of the function in `slot` when others attend to the doorbells
    /// `others`; those are rung after whatever it does.
    pub fn beside(slot: Arc<Slot>, others: Vec<u32>) -> Self {
        Self { slot, peers: Vec::new(), others }
    }

    /// The same with peers that ring.
    pub fn with(mut self, peers: Vec<Peer>) -> Self {
        self.peers.extend(peers);
        self
    }

    /// The doorbells to attend to.
    fn bells(&self) -> impl Iterator<Item = &Bell> {
        self.slot.bells().iter().filter(|bell| !self.others.contains(&bell.id))
    }

    /// Rings these doorbells, then goes on with what is left to do.
    fn ring(&self, bells: &[u32]) {
        let more = self.slot.drive(|function| {
            for bell in bells {
                function.ring(*bell);
            }
            for _ in 0..ROUNDS {
                let Some(bell) = function.unfinished() else { return false };
                function.ring(bell);
            }
            function.unfinished().is_some()
        });
        if more {
            let _ = self.slot.service().write(1);
        }
        for other in self.others.iter().filter_map(|id| self.slot.bell(*id)) {
            let _ = other.write(1);
        }
    }

    fn events(&self) -> Vec<Events> {
        let Self { slot, peers, .. } = self;
        let mut events = vec![
            Events::with_data(slot.line().resample(), RESAMPLE, EventSet::IN),
            Events::with_data(slot.service(), SERVICE, EventSet::IN),
        ];
        let bells = self.bells().zip(FIRST_BELL..);
        events.extend(bells.map(|(bell, data)| Events::with_data(&bell.event, data, EventSet::IN)));
        let changes = EventSet::IN | EventSet::OUT | EventSet::EDGE_TRIGGERED;
        let first_peer = FIRST_BELL + self.bells().count() as u32;
        let peers = peers.iter().zip(first_peer..);
        events.extend(peers.map(|(peer, data)| Events::with_data(&peer.descriptor, data, changes)));
        events
    }
}

impl MutEventSubscriber for Worker {
    fn init(&mut self, ops: &mut EventOps) {
        if let Some(error) = self.events().into_iter().find_map(|event| ops.add(event).err()) {
            tracing::error!("a device's events cannot be watched: {error:?}");
        }
    }

    fn process(&mut self, events: Events, _ops: &mut EventOps) {
        match events.data() {
            RESAMPLE => self.slot.line().resampled(),
            SERVICE => {
                let _ = self.slot.service().read();
                self.ring(&[]);
            }
            other => {
                let index = (other - FIRST_BELL) as usize;
                let bells = self.bells().count();
                if let Some(bell) = self.bells().nth(index) {
                    let _ = bell.event.read();
                    self.ring(&[bell.id]);
                } else if let Some(peer) = self.peers.get(index - bells) {
                    let bells = [peer.readable, peer.writable];
                    let both = peer.readable != peer.writable;
                    self.ring(if both { &bells } else { &bells[..1] });
                }
            }
        }
    }
}
