//! What wakes a guest that sleeps: PME# of its PCI functions, as a general-purpose event of ACPI.
//!
//! A function asserts PME# ([`devices::pci::Function::wakes`]); its slot passes the level on to its
//! [`WakeLine`], whose rising edge is an event; the event asserts the system control interrupt,
//! which is the one interrupt that a guest in suspend-to-idle listens to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use devices::interrupt::Line;
use devices::platform::{GeneralEvents, PME_EVENT};
use devices::sync::lock;
use event_manager::{EventOps, Events, MutEventSubscriber};
use vmm_sys_util::epoll::EventSet;

use super::irqchip::PinLine;

/// One function's share of PME#.
pub struct WakeLine {
    events: Arc<Mutex<GeneralEvents>>,
    level: AtomicBool,
}

impl WakeLine {
    /// A share that is not asserted.
    pub fn new(events: Arc<Mutex<GeneralEvents>>) -> Self {
        Self { events, level: AtomicBool::new(false) }
    }
}

impl Line for WakeLine {
    fn set(&self, level: bool) {
        if !self.level.swap(level, Ordering::SeqCst) && level {
            lock(&self.events).raise(PME_EVENT);
        }
    }
}

/// Asserts the system control interrupt again for as long as an event stands.
pub struct ControlInterrupt(pub Arc<PinLine>);

impl MutEventSubscriber for ControlInterrupt {
    fn init(&mut self, ops: &mut EventOps) {
        if let Err(error) = ops.add(Events::new(self.0.resample(), EventSet::IN)) {
            tracing::error!("ACPI's interrupt cannot be watched: {error:?}");
        }
    }

    fn process(&mut self, _events: Events, _ops: &mut EventOps) {
        self.0.resampled();
    }
}
