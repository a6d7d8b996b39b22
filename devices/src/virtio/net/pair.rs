//! A pair of queues, receive and transmit, and what it takes to drive it without the function.

use std::sync::{Arc, Mutex};

use super::Counters;
use super::features;
use super::filter::Filter;
use super::receive::Receiver;
use super::transmit::Transmitter;
use crate::net::{Backend, Metadata, Nic, Offloads, Receipt, Transmit};
use crate::sync::lock;
use crate::virtio::QueueHandle;

/// Bytes after which a driver that waits hears of them though more have arrived, so that it has given
/// buffers back before they run out.
const SIGNAL_AFTER: usize = 64 * 1024;

/// The state of a pair beside its queues.
#[derive(Default)]
pub struct Pair {
    features: u64,
    filter: Option<Arc<Filter>>,
    active: bool,
    link: bool,
    counters: Counters,
    transmitter: Transmitter,
    receiver: Receiver,
    /// Bytes of this run since the driver was last told.
    untold: usize,
}

impl Pair {
    /// What passed so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Starts over with a driver that negotiated `features` and was told of `mtu`.
    pub fn start(&mut self, features: u64, mtu: Option<u16>) {
        self.transmitter.start(features);
        self.receiver.start(features, mtu);
    }

    /// Does as the driver said: of its features these are in effect, these frames it wants, and
    /// this pair is one of those in use; and as the link is.
    pub fn apply(&mut self, features: u64, filter: Arc<Filter>, active: bool, link: bool) {
        self.features = features;
        self.filter = Some(filter);
        self.active = active;
        self.link = link;
        self.receiver.take(features);
    }

    fn transmit(&mut self, handle: &QueueHandle, backend: &mut dyn Backend) -> Transmit {
        let Some(mut queue) = handle.active() else { return Transmit::Idle };
        let wire = self.link.then_some(backend);
        self.transmitter.round(&mut queue, wire, &mut self.counters).unwrap_or_else(|fault| {
            handle.fail(fault);
            Transmit::Idle
        })
    }

    fn receive(&mut self, handle: &QueueHandle, frame: &[u8], metadata: Metadata) -> Receipt {
        let queue = handle.active().filter(|_| self.link && self.active);
        let Some(mut queue) = queue else {
            self.counters.receive_dropped += 1;
            return Receipt::Done;
        };
        if !self.filter.as_ref().is_some_and(|filter| filter.takes(frame)) {
            self.counters.filtered += 1;
            return Receipt::Done;
        }
        let mut received = self.receiver.receive(&mut queue, frame, metadata, &mut self.counters);
        if received == Ok(Receipt::Done) {
            self.untold += frame.len();
        }
        if self.untold >= SIGNAL_AFTER {
            self.untold = 0;
            received = received.and_then(|receipt| queue.signal().map(|()| receipt));
        }
        received.unwrap_or_else(|fault| {
            handle.fail(fault);
            Receipt::Done
        })
    }
}

/// A pair and its queues. Held by whoever drives it, for as long as it likes: after a reset by the
/// driver it goes on with what the next one sets up.
pub struct PairHandle {
    pub(super) pair: Arc<Mutex<Pair>>,
    pub(super) receive: QueueHandle,
    pub(super) transmit: QueueHandle,
}

impl Nic for PairHandle {
    fn transmit(&mut self, backend: &mut dyn Backend) -> Transmit {
        lock(&self.pair).transmit(&self.transmit, backend)
    }

    fn look(&mut self) -> bool {
        // What is wrong with the queue comes out when it is worked on.
        self.transmit
            .active()
            .is_some_and(|mut queue| queue.suppress_kicks().is_ok() && queue.has_more())
    }

    fn rest(&mut self) -> bool {
        self.transmit.active().is_some_and(|mut queue| queue.await_kick().unwrap_or_default())
    }

    fn receive(&mut self, frame: &[u8], metadata: Metadata) -> Receipt {
        lock(&self.pair).receive(&self.receive, frame, metadata)
    }

    fn flush(&mut self) {
        lock(&self.pair).untold = 0;
        let signalled = self.receive.active().map(|mut queue| queue.signal());
        if let Some(Err(fault)) = signalled {
            self.receive.fail(fault);
        }
    }

    fn takes(&self) -> Offloads {
        features::taken(lock(&self.pair).features)
    }

    fn is_active(&self) -> bool {
        lock(&self.pair).active
    }

    fn asserts(&self) -> bool {
        self.receive.asserts()
    }
}
