//! Our terminal: raw while it is a guest's, restored on every way out, its size told on.

use std::io::{self, IsTerminal, Stdin};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use devices::sync::lock;
use guest_init::client::{Process, Size};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{tcgetpgrp, tcgetwinsize};

/// Ctrl-A, after which `x` stops the guest and another Ctrl-A goes to the guest.
const ESCAPE: u8 = 0x01;
const QUIT: u8 = b'x';
/// The size of a terminal that does not know its own.
const USUAL: Size = Size { rows: 24, columns: 80 };

/// What the terminal was set to before it was raw, for those who cannot wait for anything.
static BEFORE: OnceLock<libc::termios> = OnceLock::new();

/// Standard input in raw mode until dropped. Does nothing where it is no terminal.
#[derive(Debug)]
pub struct RawTerminal {
    stdin: Stdin,
    saved: Option<Termios>,
}

impl RawTerminal {
    /// Switches to raw mode.
    pub fn enter() -> io::Result<Self> {
        let stdin = io::stdin();
        let mut saved = None;
        if stdin.is_terminal() {
            let settings = tcgetattr(&stdin)?;
            let mut raw = settings.clone();
            cfmakeraw(&mut raw);
            let _ = BEFORE.set(settings.clone().into()); // the first time is the one that counts
            tcsetattr(&stdin, SetArg::TCSANOW, &raw)?;
            saved = Some(settings);
        }
        Ok(Self { stdin, saved })
    }

    /// Whether there is a terminal.
    pub fn is_raw(&self) -> bool {
        self.saved.is_some()
    }

    /// Another descriptor for standard input.
    pub fn input(&self) -> io::Result<OwnedFd> {
        self.stdin.as_fd().try_clone_to_owned()
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            let _ = tcsetattr(&self.stdin, SetArg::TCSANOW, saved); // a terminal may be gone
        }
    }
}

/// Restores the terminal if it ever was raw. Safe in the handler of a signal, and for nothing else.
#[allow(unsafe_code)]
pub fn restore_at_once() {
    if let Some(before) = BEFORE.get() {
        // SAFETY: the settings are the terminal's own, and tcsetattr is async-signal-safe.
        unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, before) };
    }
}

/// The terminal, lent to a command at most once. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Loan(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Ours,
    Lent {
        _terminal: RawTerminal,
    },
    Back,
}

impl Loan {
    /// Makes it raw, unless it was taken back already.
    pub fn lend(&self) -> io::Result<()> {
        let mut state = lock(&self.0);
        if matches!(*state, State::Ours) {
            *state = State::Lent { _terminal: RawTerminal::enter()? };
        }
        Ok(())
    }

    /// Restores it, for good.
    pub fn take_back(&self) {
        *lock(&self.0) = State::Back;
    }
}

/// Takes the escape sequences out of what is typed; `quit` is called on Ctrl-A x.
pub fn escapes(mut quit: impl FnMut() + Send + 'static) -> impl FnMut(&[u8]) -> Vec<u8> + Send {
    let mut escaped = false;
    move |typed| {
        let mut passed = Vec::with_capacity(typed.len());
        for byte in typed {
            match (std::mem::take(&mut escaped), *byte) {
                (false, ESCAPE) => escaped = true,
                (true, QUIT) => quit(),
                (_, other) => passed.push(other),
            }
        }
        passed
    }
}

/// Whether this process may read from the terminal on standard input.
pub fn in_foreground() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

/// The size of the terminal on standard input.
pub fn size() -> Size {
    match tcgetwinsize(stdin()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
            Size { rows: size.ws_row, columns: size.ws_col }
        }
        _ => USUAL,
    }
}

fn resizes() -> SigSet {
    [Signal::SIGWINCH].into_iter().collect()
}

/// Keeps the signal for a changed size for whoever follows it. To be called before other threads
/// are started.
pub fn block_resizes() -> io::Result<()> {
    Ok(resizes().thread_block()?)
}

/// Starts a thread that tells a command about each change of the size.
pub fn follow_size(process: Arc<Process>) -> io::Result<()> {
    block_resizes()?;
    let changes = SignalFd::with_flags(&resizes(), SfdFlags::SFD_CLOEXEC)?;
    let follow = move || {
        while let Ok(Some(_)) = changes.read_signal() {
            if process.resize(size()).is_err() {
                return; // the waiting thread knows why
            }
        }
    };
    thread::Builder::new().name("terminal-size".into()).spawn(follow)?;
    Ok(())
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
