//! The end of a process that asked the kernel for what it must not.
//!
//! The kernel does not carry the call out; it sends SIGSYS to the thread that made it. The handler
//! says which call it was, puts the terminal back, and ends the process at once: nothing of what
//! may have been taken over runs any more.

use std::cell::Cell;
use std::fmt::Write;
use std::io;

use vmm_sys_util::signal::register_signal_handler;

use super::{Error, Result};
use crate::streams;

/// The exit status.
pub const STATUS: u8 = 119;

/// Where the kernel puts the call's number in what it tells of the signal (`siginfo_t`), in words of
/// 32 bits.
const SYSCALL: usize = 6;

thread_local! {
    /// Who this thread is, for the line.
    static NAME: Cell<&'static str> = const { Cell::new("main") };
}

/// Notes who the calling thread is.
pub fn name(name: &'static str) {
    NAME.set(name);
}

/// Has breaches end the process. Panics are told in one line from now on: what a backtrace is made of
/// lies in files.
pub fn install() -> Result<()> {
    register_signal_handler(libc::SIGSYS, breached)
        .map_err(|error| Error::Refused("handle its signal", error.to_string()))?;
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("main");
        streams::say(format_args!(
            "nicvmm: thread {name} panicked, which is a bug: {panic}; RUST_BACKTRACE=1 and \
             --sandbox off tell more"
        ));
    }));
    Ok(())
}

/// Ends the process because its walls could not be raised.
pub fn give_up(error: &Error) -> ! {
    streams::say(format_args!("nicvmm: {error}"));
    std::process::exit(STATUS.into())
}

/// A line that is made without allocating.
struct Line {
    bytes: [u8; 256],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = &mut self.bytes[self.length..];
        let count = room.len().min(text.len());
        room[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

fn line(number: usize, thread: &str) -> Line {
    let mut line = Line { bytes: [0; 256], length: 0 };
    let name = syscalls::Sysno::new(number).map_or("unknown", |call| call.name());
    let _ = writeln!(
        line,
        "nicvmm: stopped by its sandbox: thread {thread} made system call {number} ({name}), which \
         is a bug or a guest that took control; --sandbox off does without"
    );
    line
}

/// Runs in the thread that made the call, wherever that was: it may only do what is safe in a signal's
/// handler.
#[allow(unsafe_code)]
extern "C" fn breached(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel hands over a siginfo_t of 128 bytes, in which for SIGSYS this word is the
    // number of the call.
    let number = unsafe { *info.cast::<libc::c_int>().add(SYSCALL) };
    let line = line(number as usize, NAME.get());
    streams::restore_at_once();
    let _ = rustix::io::write(rustix::stdio::stderr(), &line.bytes[..line.length]);
    // SAFETY: it ends the process, and runs nothing of it.
    unsafe { libc::_exit(STATUS.into()) };
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

#[cfg(test)]
#[path = "trap_tests.rs"]
mod tests;
