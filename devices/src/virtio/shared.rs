//! What the queues of a device have in common, for whoever works on one of them.
//!
//! 1. The transport and its device live behind the function's lock, and so do registers.
//! 2. A queue has a lock of its own. [`QueueHandle`] is a share in one queue: with it a worker moves
//!    frames while others work on other queues, and never waits for the function.
//! 3. Whoever takes a queue back, by a reset or because bus mastering ends, first says so here, then
//!    takes the queue's lock once: after that nobody touches the driver's memory for it.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::transport::{DRIVER_OK, FAILED, NEEDS_RESET};
use super::{ActiveQueue, Fault, Interrupts, Virtqueue, net};
use crate::memory::DmaMemory;
use crate::sync::lock;

/// Status, memory and interrupts of a device.
#[derive(Debug)]
pub(super) struct Shared {
    pub memory: DmaMemory,
    pub interrupts: Interrupts,
    status: AtomicU8,
    faults: AtomicU64,
}

impl Shared {
    /// Without a driver.
    pub fn new(memory: DmaMemory, interrupts: Interrupts) -> Self {
        Self { memory, interrupts, status: AtomicU8::new(0), faults: AtomicU64::new(0) }
    }

    /// Device status, as the driver reads it.
    pub fn status(&self) -> u8 {
        self.status.load(Ordering::SeqCst)
    }

    /// Sets bits of the status.
    pub fn raise(&self, bits: u8) {
        self.status.fetch_or(bits, Ordering::SeqCst);
    }

    /// Clears the status: there is no driver any more.
    pub fn clear(&self) {
        self.status.store(0, Ordering::SeqCst);
    }

    /// Faults of the driver so far.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Whether the driver is ready, has done nothing wrong and has not given up.
    pub fn running(&self) -> bool {
        is_running(self.status())
    }

    /// Stops the device for a fault of the driver until the driver resets it (section 2.1.2).
    pub fn fail(&self, fault: Fault) {
        if self.faults.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(%fault, "virtio driver at fault; the device asks to be reset");
        }
        let before = self.status.fetch_or(NEEDS_RESET, Ordering::SeqCst);
        if is_running(before) {
            self.interrupts.configuration();
        }
    }
}

fn is_running(status: u8) -> bool {
    status & (DRIVER_OK | NEEDS_RESET | FAILED) == DRIVER_OK
}

/// A share in one queue.
#[derive(Clone, Debug)]
pub struct QueueHandle {
    queue: Arc<Mutex<Virtqueue>>,
    shared: Arc<Shared>,
}

impl QueueHandle {
    pub(super) fn new(queue: Virtqueue, shared: Arc<Shared>) -> Self {
        Self { queue: Arc::new(Mutex::new(queue)), shared }
    }

    /// The queue for work, and for nobody else as long as the answer lives; `None` while the driver
    /// is not ready, the queue is not enabled or bus mastering is off.
    pub fn active(&self) -> Option<ActiveQueue<'_>> {
        // Locked first: whoever takes it back changes what is asked for next, then waits for the lock.
        let virtqueue = self.setup();
        if !self.shared.running() || !virtqueue.enabled() {
            return None;
        }
        let ram = self.shared.memory.ram()?;
        Some(ActiveQueue { virtqueue, shared: &self.shared, ram })
    }

    /// The queue as registers show it.
    pub(super) fn setup(&self) -> MutexGuard<'_, Virtqueue> {
        lock(&self.queue)
    }

    /// How the driver set it up, if it is enabled.
    pub fn ring(&self) -> Option<net::Ring> {
        let queue = self.setup();
        let vector = Some(queue.vector).filter(|_| self.shared.interrupts.msix.enabled());
        queue.enabled().then(|| queue.ring(vector))
    }

    /// Stops the whole device for a fault of the driver.
    pub fn fail(&self, fault: Fault) {
        self.shared.fail(fault);
    }

    /// Whether an interrupt waits for the line: there are no messages.
    pub fn asserts(&self) -> bool {
        self.shared.interrupts.pending()
    }
}
