//! A command that runs in a guest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::session::{Outcome, Pending, Session};
use super::{Error, Output, Result};
use crate::protocol::{Kind, MAX_PAYLOAD, Request, Resize, Signal, Size};

/// A command in a guest. Dropping it neither ends nor waits for the command; it only stops
/// listening to it.
#[derive(Debug)]
pub struct Process {
    session: Arc<Session>,
    id: u32,
    what: String,
}

impl Process {
    pub(super) fn new(session: Arc<Session>, id: u32, what: String) -> Self {
        Self { session, id, what }
    }

    /// Waits for the command's end. May be called again after it ran out of time.
    pub fn wait(&self, timeout: Duration) -> Result<Output> {
        let (id, deadline) = (self.id, Instant::now() + timeout);
        let ended = self
            .session
            .wait(deadline, |state| state.pending.get_mut(&id).and_then(Pending::take_outcome))?;
        match ended {
            Some(Outcome::Ended(output)) => Ok(output),
            Some(Outcome::Failed(reason)) => {
                Err(Error::Refused { what: self.what.clone(), reason })
            }
            None => Err(Error::TimedOut { what: self.what.clone(), after: timeout }),
        }
    }

    /// Whether the command has ended, so that [`Process::wait`] returns at once.
    pub fn has_ended(&self) -> Result<bool> {
        let id = self.id;
        let ended = self.session.wait(Instant::now(), |state| {
            state.pending.get(&id).and_then(|pending| pending.has_ended().then_some(()))
        })?;
        Ok(ended.is_some())
    }

    /// What the command has printed to standard output so far.
    pub fn stdout_so_far(&self) -> Vec<u8> {
        self.session.peek(self.id, |pending| pending.stdout.clone()).unwrap_or_default()
    }

    /// What the command has printed to standard error so far.
    pub fn stderr_so_far(&self) -> Vec<u8> {
        self.session.peek(self.id, |pending| pending.stderr.clone()).unwrap_or_default()
    }

    /// Gives the command input, at the pace at which it reads.
    pub fn write_stdin(&self, data: &[u8], timeout: Duration) -> Result<()> {
        let (id, deadline) = (self.id, Instant::now() + timeout);
        let mut rest = data;
        while !rest.is_empty() {
            let wish = rest.len().min(MAX_PAYLOAD);
            let room = self.session.wait(deadline, |state| match state.pending.get_mut(&id) {
                Some(pending) if !pending.has_ended() => pending.take_credit(wish),
                _ => Some(0),
            })?;
            match room {
                None => {
                    let what = format!("{}, reading its input,", self.what);
                    return Err(Error::TimedOut { what, after: timeout });
                }
                Some(0) => return Ok(()), // nobody reads any more; wait() tells how it ended
                Some(room) => {
                    let (now, later) = rest.split_at(room);
                    self.session.send(Kind::Stdin, id, now)?;
                    rest = later;
                }
            }
        }
        Ok(())
    }

    /// Ends the command's input.
    pub fn close_stdin(&self) -> Result<()> {
        self.session.send(Kind::Stdin, self.id, b"")
    }

    /// Changes the size of the command's terminal.
    pub fn resize(&self, size: Size) -> Result<()> {
        self.session.tell(&Request::Resize(Resize { run: self.id, size }))
    }

    /// Sends a signal to the command and everything it started.
    pub fn signal(&self, signal: i32) -> Result<()> {
        self.session.tell(&Request::Signal(Signal { run: self.id, signal }))
    }

    /// Kills the command and waits for its end.
    pub fn kill(&self, timeout: Duration) -> Result<Output> {
        self.signal(libc::SIGKILL)?;
        self.wait(timeout)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.session.forget(self.id);
    }
}
