//! A PCI function in its slot: the one place where a function meets the rest of the machine.
//!
//! 1. The vCPUs reach it through [`Window`]s on the buses and through its configuration space;
//!    the event loop reaches it through [`Slot::drive`]. Both hold the function's lock.
//! 2. Before the lock is released the slot settles: the line follows the function's level, and
//!    the mirror page shows the registers as they are now.
//! 3. Before each access the function hears how late it is, and the slot's alarm is set to when it
//!    next has something to do by itself.
//! 4. A write to a doorbell becomes an event. Where KVM could take the doorbell as an ioeventfd
//!    the write does not come here at all; where it could not, the window does the same by hand.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use devices::bus::{Action, Responder};
use devices::interrupt::Line;
use devices::pci::{Doorbell, Function, Target};
use devices::sync::lock;
use kvm_ioctls::VmFd;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::alarm::Alarm;
use super::error::{Error, Result};
use super::irqchip::PinLine;
use super::memory::MirrorPage;
use super::wake::WakeLine;

/// An event that stands for one or more of a function's doorbells.
pub struct Bell {
    /// What [`Function::ring`] wants to hear.
    pub id: u32,
    /// Signalled when the doorbell rings.
    pub event: EventFd,
}

/// A register page that the guest reads without leaving.
struct Mirror {
    page: MirrorPage,
    bar: usize,
    registers: Vec<u8>,
}

/// A function and its connections.
pub struct Slot {
    vm: Arc<VmFd>,
    shown: Mutex<Shown>,
    line: Arc<PinLine>,
    wake: WakeLine,
    bells: Vec<Bell>,
    service: EventFd,
    started: Instant,
    alarm: Alarm,
}

/// A function, and the page in which the guest reads its registers, if there is one.
struct Shown {
    function: Box<dyn Function>,
    mirror: Option<Mirror>,
}

fn eventfd() -> Result<EventFd> {
    EventFd::new(EFD_NONBLOCK).map_err(|e| Error::System("eventfd", e))
}

impl Slot {
    /// Connects `function` to `line`, its PME# to `wake`, and those of its doorbells that are given to
    /// their events, and shows memory BAR `mirrored.0` through `mirrored.1`.
    pub fn new(
        vm: Arc<VmFd>,
        function: Box<dyn Function>,
        line: Arc<PinLine>,
        wake: WakeLine,
        mirrored: Option<(usize, MirrorPage)>,
        mut bells: Vec<Bell>,
    ) -> Result<Self> {
        let mut ids: Vec<u32> = function.doorbells().iter().map(|bell| bell.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| bells.iter().all(|bell| bell.id != *id));
        for id in ids {
            bells.push(Bell { id, event: eventfd()? });
        }
        let mirror = mirrored.map(|(bar, page)| {
            let size = function.configuration().bar(bar).map_or(0, |bar| bar.size as usize);
            Mirror { page, bar, registers: vec![0; size.min(MirrorPage::SIZE)] }
        });
        Ok(Self {
            vm,
            shown: Mutex::new(Shown { function, mirror }),
            line,
            wake,
            bells,
            service: eventfd()?,
            started: Instant::now(),
            alarm: Alarm::new()?,
        })
    }

    /// The doorbells' events.
    pub fn bells(&self) -> &[Bell] {
        &self.bells
    }

    /// The event of doorbell `id`.
    pub fn bell(&self, id: u32) -> Option<&EventFd> {
        self.bells.iter().find(|bell| bell.id == id).map(|bell| &bell.event)
    }

    /// Signalled when the function asked for its worker by a register write.
    pub fn service(&self) -> &EventFd {
        &self.service
    }

    /// Goes off when the function has something to do by itself; drive it then.
    pub fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// The interrupt line.
    pub fn line(&self) -> &PinLine {
        &self.line
    }

    /// Runs `work` on the function, which hears how late it is, then passes on what changed.
    pub fn drive<T>(&self, work: impl FnOnce(&mut dyn Function) -> T) -> T {
        let mut shown = lock(&self.shown);
        shown.function.set_time(self.now());
        let result = work(shown.function.as_mut());
        self.settle(&mut shown);
        result
    }

    /// Has `look` look at the function, and nothing else happen.
    pub fn look<T>(&self, look: impl FnOnce(&mut dyn Function) -> T) -> T {
        look(lock(&self.shown).function.as_mut())
    }

    /// Nanoseconds since the function was plugged in.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn settle(&self, Shown { function, mirror }: &mut Shown) {
        if let Some(mirror) = mirror {
            mirror.refresh(&self.vm, function.as_ref());
        }
        self.line.set(function.level());
        self.wake.set(function.wakes());
        self.alarm.set(function.deadline(), || self.now());
    }

    /// Shows the mirror page at `place(bar)`, or nowhere. To be called when BARs moved.
    pub fn place_mirror(&self, place: impl FnOnce(usize) -> Option<u64>) {
        let Shown { function, mirror } = &mut *lock(&self.shown);
        if let Some(mirror) = mirror {
            mirror.place(&self.vm, function.as_ref(), place(mirror.bar));
        }
    }

    fn act(&self, action: Action) -> Action {
        if action == Action::Service {
            let _ = self.service.write(1);
            return Action::None;
        }
        action
    }

    /// Rings the doorbell that a write means, if it means one.
    fn rung(&self, doorbells: &[Doorbell], bar: usize, offset: u64, data: &[u8]) -> bool {
        let hit = doorbells.iter().find(|bell| bell.rings(bar, offset, data));
        let event = hit.and_then(|bell| self.bell(bell.id));
        event.is_some_and(|event| event.write(1).is_ok())
    }
}

impl Target for Slot {
    fn read_config(&self, offset: usize, data: &mut [u8]) {
        // Not free of side effects: a capability may give access to registers.
        self.drive(|function| function.read_config(offset, data));
    }

    fn write_config(&self, offset: usize, data: &[u8]) -> Action {
        let (action, more) = self.drive(|function| {
            (function.write_config(offset, data), function.unfinished().is_some())
        });
        if more {
            // What could not be done without bus mastering can be now.
            let _ = self.service.write(1);
        }
        self.act(action)
    }
}

impl Mirror {
    fn refresh(&mut self, vm: &VmFd, function: &dyn Function) {
        let Some(address) = self.page.mapped_at() else { return };
        self.place(vm, function, Some(address));
    }

    fn place(&mut self, vm: &VmFd, function: &dyn Function, address: Option<u64>) {
        let shown = address.filter(|_| function.mirror(self.bar, &mut self.registers));
        if shown.is_some() {
            self.page.publish(&self.registers);
        }
        if let Err(error) = self.page.map(vm, shown) {
            tracing::error!("register page: {error}");
        }
    }
}

/// What lies on a bus where a BAR decodes.
pub struct Window {
    slot: Arc<Slot>,
    bar: usize,
    doorbells: Vec<Doorbell>,
}

impl Window {
    /// The registers of `slot` behind `bar`.
    pub fn new(slot: Arc<Slot>, bar: usize, doorbells: Vec<Doorbell>) -> Self {
        Self { slot, bar, doorbells }
    }
}

impl Responder for Window {
    fn read(&self, offset: u64, data: &mut [u8]) {
        self.slot.drive(|function| function.read_bar(self.bar, offset, data));
    }

    fn write(&self, offset: u64, data: &[u8]) -> Action {
        if self.slot.rung(&self.doorbells, self.bar, offset, data) {
            return Action::None;
        }
        let action = self.slot.drive(|function| function.write_bar(self.bar, offset, data));
        self.slot.act(action)
    }
}
