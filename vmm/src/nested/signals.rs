//! Signals meant for the program in the nested machine.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::error::{Error, Result};

/// Keeps termination signals from ending this program while it lives.
#[derive(Debug)]
pub struct Signals {
    source: SignalFd,
    blocked: SigSet,
}

impl Signals {
    /// Blocks the signals in this thread and those it will start.
    pub fn block() -> Result<Self> {
        let blocked: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT]
            .into_iter()
            .collect();
        let failed = |error: nix::Error| Error::System("block signals", error.into());
        blocked.thread_block().map_err(failed)?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let source = SignalFd::with_flags(&blocked, flags).map_err(failed)?;
        Ok(Self { source, blocked })
    }

    /// A signal that came, if one did.
    pub fn take(&self) -> Option<i32> {
        Some(self.source.read_signal().ok()??.ssi_signo as i32)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _ = self.blocked.thread_unblock(); // it cannot fail: the set is the one we blocked
    }
}
