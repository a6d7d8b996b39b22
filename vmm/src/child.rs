//! Child processes that do not outlive the thread that starts them, however it ends.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{getpid, getppid};

/// Has the command's process die when the thread that starts it does, start with no signal blocked,
/// and lead a process group of its own: a terminal's Ctrl-C is for us alone, and we decide.
pub fn tie(command: &mut Command) -> &mut Command {
    let parent = getpid();
    let prepare = move || {
        SigSet::empty().thread_set_mask()?;
        set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the request: then no signal will come.
        if getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    before_exec(command.process_group(0), prepare)
}

/// Leaves a descriptor open in the command's process, under the number that it has here. It is closed
/// here when the command is dropped.
pub fn hand_over(command: &mut Command, descriptor: OwnedFd) -> &mut Command {
    before_exec(command, move || {
        fcntl(&descriptor, FcntlArg::F_SETFD(FdFlag::empty()))?;
        Ok(())
    })
}

/// `prepare` may only make system calls that are async-signal-safe, and allocate nothing.
fn before_exec(
    command: &mut Command,
    prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) -> &mut Command {
    // SAFETY: both closures above keep to what this function asks for between fork and exec.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(prepare)
    }
}

/// An exit status in words.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => match Signal::try_from(signal) {
            Ok(signal) => format!("killed by {signal}"),
            Err(_) => format!("killed by signal {signal}"),
        },
        (None, None) => "no exit status".to_owned(),
    }
}

#[cfg(test)]
#[path = "child_tests.rs"]
mod tests;
