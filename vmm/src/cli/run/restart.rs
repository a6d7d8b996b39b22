//! `--on-reboot restart`: a guest in a child process of ours, and after each reset another.
//!
//! A guest that was reset begins as after switching a machine off and on: nothing is left of it. Nor
//! could its process begin anew, for it has given up what that takes ([`crate::sandbox`]). So this
//! program only waits, passes signals on, and tells the next child that it is not the first.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

use crate::cli::exit;

/// Who this process is after [`in_children`].
pub enum Role {
    /// It runs the guest.
    Guest(Attempt),
    /// It has waited for the last one, whose status this is.
    Waited(ExitCode),
}

/// One start of the guest.
pub struct Attempt {
    /// Whether it is not the first.
    pub again: bool,
    /// Hears that the guest shall be started again.
    parent: File,
}

impl Attempt {
    /// Has the guest started again as soon as this process has ended.
    pub fn start_again(mut self) -> Result<()> {
        self.parent.write_all(b"\n").context("cannot have the guest started again")
    }
}

/// Goes on in a child process, and in another one for as long as they ask for it. No thread may be
/// there.
pub fn in_children() -> Result<Role> {
    let before = SigSet::thread_get_mask().context("cannot block signals")?;
    let watched: SigSet =
        [Signal::SIGCHLD, Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT]
            .into_iter()
            .collect();
    watched.thread_block().context("cannot block signals")?;
    let signals =
        SignalFd::with_flags(&watched, SfdFlags::SFD_CLOEXEC).context("cannot wait for signals")?;
    let mut again = false;
    loop {
        let (mut told, teller) = io::pipe().context("cannot make a pipe")?;
        let parent = getpid();
        // SAFETY: no other thread is there, so the child may go on as if it were this process.
        #[allow(unsafe_code)]
        let child = match unsafe { fork() }.context("cannot start a process")? {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                set_pdeathsig(Signal::SIGKILL).context("cannot follow the parent's death")?;
                if getppid() != parent {
                    return Ok(Role::Waited(exit::FAULT.into()));
                }
                before.thread_set_mask().context("cannot unblock signals")?;
                let parent = File::from(std::os::fd::OwnedFd::from(teller));
                return Ok(Role::Guest(Attempt { again, parent }));
            }
        };
        drop(teller);
        let end = wait(child, &signals)?;
        again = told.read(&mut [0]).is_ok_and(|count| count > 0);
        match end.signal {
            // It came when there was no guest any more that could have ended by it.
            Some(number) if again => {
                return Ok(Role::Waited(exit::SIGNAL.wrapping_add(number as u8).into()));
            }
            None if again => {}
            _ => return Ok(Role::Waited(end.status)),
        }
    }
}

/// How a child ended.
struct End {
    status: ExitCode,
    /// The signal that was to end it, if one was.
    signal: Option<i32>,
}

/// Waits for the child's end, and passes on what it is told meanwhile.
fn wait(child: Pid, signals: &SignalFd) -> Result<End> {
    let mut signal = None;
    loop {
        let Some(came) = signals.read_signal().context("cannot wait for signals")? else {
            continue;
        };
        let number = came.ssi_signo as i32;
        if number != libc::SIGCHLD {
            signal = Some(number);
            // What a terminal sends, the child has got as well.
            if came.ssi_code <= libc::SI_USER {
                let _ = kill(child, Signal::try_from(number).ok()); // it may have ended
            }
            continue;
        }
        let status = match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, status)) => status as u8,
            Ok(WaitStatus::Signaled(_, signal, _)) => exit::SIGNAL.wrapping_add(signal as u8),
            _ => continue,
        };
        return Ok(End { status: status.into(), signal });
    }
}
