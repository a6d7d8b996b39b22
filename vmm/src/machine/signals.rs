//! Signals and the time limit, as events of the loop; and the signal that makes a vCPU leave.

use std::sync::Arc;
use std::time::Duration;

use event_manager::{EventOps, Events, MutEventSubscriber};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::signal::{SIGRTMIN, register_signal_handler};
use vmm_sys_util::timerfd::TimerFd;

use super::ending::{Ending, Endings};
use super::error::{Error, Result};

fn termination() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect()
}

/// Blocks the termination signals in this thread and those it will start, so that they arrive in
/// the event loop only. To be called before any thread is started.
pub fn block_signals() -> Result<()> {
    termination().thread_block().map_err(|e| Error::System("block signals", e.into()))
}

/// The signal that makes a vCPU leave the guest.
pub fn kick_signal() -> i32 {
    SIGRTMIN()
}

extern "C" fn kicked(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

/// Gives the kick signal a handler that does nothing: it only interrupts KVM_RUN.
pub fn handle_kicks() -> Result<()> {
    register_signal_handler(kick_signal(), kicked)
        .map_err(|e| Error::System("handle the kick signal", e.into()))
}

/// Ends the machine on a termination signal.
pub struct Signals {
    source: SignalFd,
    endings: Arc<Endings>,
}

impl Signals {
    /// Reports to `endings`.
    pub fn new(endings: Arc<Endings>) -> Result<Self> {
        block_signals()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let source = SignalFd::with_flags(&termination(), flags)
            .map_err(|e| Error::System("signalfd", e.into()))?;
        Ok(Self { source, endings })
    }
}

impl MutEventSubscriber for Signals {
    fn init(&mut self, ops: &mut EventOps) {
        let added = [
            ops.add(Events::new(&self.source, EventSet::IN)),
            // The loop leaves when something ended, wherever that was noticed.
            ops.add(Events::new(self.endings.event(), EventSet::IN)),
        ];
        if let Some(error) = added.into_iter().find_map(std::result::Result::err) {
            self.endings.report(Ending::KvmError(format!("signals cannot be watched: {error:?}")));
        }
    }

    fn process(&mut self, _events: Events, _ops: &mut EventOps) {
        if let Ok(Some(signal)) = self.source.read_signal() {
            self.endings.report(Ending::Signal(signal.ssi_signo as i32));
        }
    }
}

/// Ends the machine when its time is up.
pub struct Deadline {
    timer: TimerFd,
    endings: Arc<Endings>,
}

impl Deadline {
    /// Reports to `endings` after `limit`, or never.
    pub fn new(endings: Arc<Endings>, limit: Option<Duration>) -> Result<Self> {
        let failed = |e: vmm_sys_util::errno::Error| Error::System("timerfd", e.into());
        let mut timer = TimerFd::new().map_err(failed)?;
        if let Some(limit) = limit {
            timer.reset(limit, None).map_err(failed)?;
        }
        Ok(Self { timer, endings })
    }
}

impl MutEventSubscriber for Deadline {
    fn init(&mut self, ops: &mut EventOps) {
        if let Err(error) = ops.add(Events::new(&self.timer, EventSet::IN)) {
            self.endings.report(Ending::KvmError(format!("the time limit failed: {error:?}")));
        }
    }

    fn process(&mut self, _events: Events, _ops: &mut EventOps) {
        let _ = self.timer.wait();
        self.endings.report(Ending::TimeOut);
    }
}
