//! The outputs of a command on their way to the host.
//!
//! A command's end is told after all it printed. But something that it left running may hold its
//! outputs open for ever, and the device may be slow: so the end waits while output is being sent,
//! for at most what the pipes could hold when the command ended, and a moment for more to come.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::service::Sender;
use crate::protocol::{Kind, MAX_PAYLOAD};

/// Time without output after which nothing more is expected of an ended command.
const SILENCE: Duration = Duration::from_millis(200);
/// What two pipes hold, on Linux.
const PIPES: u64 = 2 * 64 * 1024;

/// What is known about the outputs of one command.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Outputs that may still have something to say.
    open: usize,
    /// Outputs of which a piece is being sent.
    sending: usize,
    /// Bytes sent.
    sent: u64,
}

impl Outputs {
    /// Starts a thread that sends an output as it comes.
    pub(super) fn forward(
        self: &Arc<Self>,
        mut output: impl Read + Send + 'static,
        sender: Sender,
        kind: Kind,
        id: u32,
    ) {
        self.change(|state| state.open += 1);
        let outputs = Arc::clone(self);
        thread::spawn(move || {
            let mut buffer = vec![0; MAX_PAYLOAD];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                outputs.change(|state| state.sending += 1);
                sender.send(kind, id, buffer.get(..length).unwrap_or_default());
                outputs.change(|state| {
                    state.sending -= 1;
                    state.sent += length as u64;
                });
            }
            outputs.change(|state| state.open -= 1);
        });
    }

    /// Waits, after the command's end, for what it printed.
    pub(super) fn wait_for_the_last(&self) {
        let mut state = self.lock();
        let enough = state.sent + PIPES;
        while state.open > 0 && state.sent < enough {
            let waited = self.changed.wait_timeout(state, SILENCE);
            let (next, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() && state.sending == 0 {
                return;
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
