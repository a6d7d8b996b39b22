//! The outputs of a command on their way to the host.
//!
//! A command's end is told after all it printed. But something that it left running may hold its
//! outputs open for ever, and the device may be slow: so the end waits for what was printed and not
//! yet sent when the command ended, however much its pipes held, and then while there is output to be
//! read or sent, for at most [`MORE`] and a moment for it to come.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionread};

use super::service::Sender;
use crate::protocol::{Kind, MAX_PAYLOAD};

/// Time without output after which nothing more is expected of an ended command.
const SILENCE: Duration = Duration::from_millis(200);
/// Bytes that may come after a command's end from what it left running.
const MORE: u64 = 128 * 1024;

/// What is known about the outputs of one command.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Outputs that may still have something to say.
    open: Vec<(Kind, Arc<File>)>,
    /// Outputs of which a piece is being read or sent.
    busy: usize,
    /// Bytes sent.
    sent: u64,
}

impl State {
    /// Bytes that were printed and are still to be sent; those of a piece that is being read or sent
    /// count as its most.
    fn pending(&self) -> u64 {
        let held = |(_, output): &(Kind, Arc<File>)| ioctl_fionread(output).unwrap_or(0);
        (self.busy * MAX_PAYLOAD) as u64 + self.open.iter().map(held).sum::<u64>()
    }
}

impl Outputs {
    /// Starts a thread that sends an output as it comes.
    pub(super) fn forward(
        self: &Arc<Self>,
        output: impl Into<OwnedFd>,
        sender: Sender,
        kind: Kind,
        id: u32,
    ) {
        let output = Arc::new(File::from(output.into()));
        self.change(|state| state.open.push((kind, Arc::clone(&output))));
        let outputs = Arc::clone(self);
        thread::spawn(move || {
            let mut buffer = vec![0; MAX_PAYLOAD];
            while outputs.pass(&output, &mut buffer, |data| sender.send(kind, id, data)) {}
            outputs.close(kind);
        });
    }

    /// Passes on one piece; answers false at the end, or if nobody reads it any more.
    fn pass(&self, output: &Arc<File>, buffer: &mut [u8], send: impl FnOnce(&[u8])) -> bool {
        wait_for_input(output);
        let wanted = self.change(|state| {
            state.busy += 1;
            state.open.iter().any(|(_, open)| Arc::ptr_eq(open, output))
        });
        let length = if wanted { (&**output).read(buffer).unwrap_or(0) } else { 0 };
        if length > 0 {
            send(buffer.get(..length).unwrap_or_default());
        }
        self.change(|state| {
            state.busy -= 1;
            state.sent += length as u64;
        });
        length > 0
    }

    /// Closes an output that has ended, or that nobody reads any more.
    pub(super) fn close(&self, kind: Kind) {
        self.change(|state| state.open.retain(|(other, _)| *other != kind));
    }

    /// Waits, after the command's end, for what it printed.
    pub(super) fn wait_for_the_last(&self) {
        let mut state = self.lock();
        let enough = state.sent + state.pending() + MORE;
        while !state.open.is_empty() && state.sent < enough {
            let waited = self.changed.wait_timeout(state, SILENCE);
            let (next, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() && state.pending() == 0 {
                return;
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until a read would not wait. Then what there is can be seen before it is read.
fn wait_for_input(output: &File) {
    let mut wanted = [PollFd::new(output, PollFlags::IN)];
    while poll(&mut wanted, None) == Err(Errno::INTR) {}
}

#[cfg(test)]
#[path = "outputs_tests.rs"]
mod tests;
