//! Our standard streams as those of a command that runs elsewhere: in a guest, in the nested machine.
//!
//! 1. [`Streams::detect`] looks at what we have: a terminal that is ours to use, or pipes and files.
//! 2. [`Streams::attach`] asks for the same at the other end, and sends the command's output to
//!    ours, binary-clean. A reader that went away is one for the command too.
//! 3. Once the command runs, [`Streams::connect`] forwards what is typed or piped in. A terminal is
//!    raw from then on, its size follows ours, and Ctrl-C is the command's, until [`Loan`] takes it
//!    back.
//!
//! Beside that, [`print()`] and [`say`] are how this program itself speaks.

mod input;
mod output;
mod print;
mod terminal;

use std::io::{self, IsTerminal};
use std::sync::Arc;

use guest_init::client::{Command, Process};
use rustix::stdio::{stderr, stdin, stdout};

pub use input::Filter;
pub use output::is_printing;
pub use print::{print, say};
pub use terminal::{Loan, RawTerminal, block_resizes, escapes, restore_at_once, size};

/// What our standard streams are, as far as a command elsewhere is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// All three are a terminal in which we are in the foreground.
    Terminal,
    /// They are apart.
    Pipes {
        /// Whether standard input is for the command.
        input: bool,
    },
}

impl Streams {
    /// What we were started with. Input from a terminal is not for us in the background.
    pub fn detect() -> Self {
        let input = !stdin().is_terminal() || terminal::in_foreground();
        let terminals = [stdin(), stdout(), stderr()].iter().all(IsTerminal::is_terminal);
        if terminals && input { Self::Terminal } else { Self::Pipes { input } }
    }

    /// `command` with such streams, its output going to ours.
    pub fn attach(self, command: Command) -> Command {
        let command = command.on_output(output::write);
        match self {
            Self::Pipes { input: true } => command.stdin(),
            Self::Pipes { input: false } => command,
            Self::Terminal => {
                let command = command.terminal(size());
                match std::env::var("TERM") {
                    Ok(kind) => command.env("TERM", kind),
                    Err(_) => command,
                }
            }
        }
    }

    /// Forwards our input, as `filter` passes it on, to a command that runs now.
    pub fn connect(self, process: &Arc<Process>, loan: &Loan, filter: Filter) -> io::Result<()> {
        if self == Self::Terminal {
            terminal::follow_size(Arc::clone(process))?;
            loan.lend()?;
        }
        if self != (Self::Pipes { input: false }) {
            input::forward(Arc::clone(process), filter)?;
        }
        Ok(())
    }
}
