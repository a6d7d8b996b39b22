//! The terminal as a guest's console: raw while the guest runs, restored on every way out.

use std::io::{self, IsTerminal, Stdin};
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// Ctrl-A, after which `x` stops the guest and another Ctrl-A goes to the guest.
const ESCAPE: u8 = 0x01;
const QUIT: u8 = b'x';

/// Standard input in raw mode until dropped. Does nothing where it is no terminal.
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
            let _ = tcsetattr(&self.stdin, SetArg::TCSANOW, saved);
        }
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
