//! The debugger's thread: one client after the other.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use gdbstub::common::Signal;
use gdbstub::conn::ConnectionExt;
use gdbstub::stub::run_blocking::{BlockingEventLoop, Event, WaitForStopReasonError};
use gdbstub::stub::{DisconnectReason, GdbStub, MultiThreadStopReason};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vm_memory::GuestMemoryMmap;

use super::debuggee::Debuggee;
use super::{Control, Listener, Trap, Wire};
use crate::machine::ending::{Ending, Endings};

/// What the debugger's thread needs.
pub struct Session {
    listener: Listener,
    debuggee: Debuggee,
    endings: Arc<Endings>,
}

impl Session {
    /// Debugs the guest behind `control` for those who connect to `listener`. `trap` is what a
    /// breakpoint is made of.
    pub fn new(
        listener: Listener,
        control: Control,
        trap: Trap,
        memory: GuestMemoryMmap,
        endings: Arc<Endings>,
    ) -> Self {
        let debuggee = Debuggee::new(control, trap, memory, endings.clone());
        Self { listener, debuggee, endings }
    }

    /// Serves until the guest ends.
    pub fn run(mut self) {
        while self.endings.get().is_none() {
            match self.serve() {
                Ok(()) => {}
                Err(error) => return tracing::error!("the debugger's socket failed: {error}"),
            }
        }
    }

    /// Waits for a client and serves it.
    fn serve(&mut self) -> io::Result<()> {
        let listener = self.listener.as_fd().as_raw_fd();
        wait(&[listener, self.endings.event().as_raw_fd()])?;
        if self.endings.get().is_some() {
            return Ok(());
        }
        let mut client = match self.listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()), // it left
            result => result?,
        };
        // A debugger speaks first. Who goes without a word only looked whether somebody is here.
        wait(&[client.as_fd().as_raw_fd(), self.endings.event().as_raw_fd()])?;
        if client.peek().is_err() || self.endings.get().is_some() {
            return Ok(());
        }
        if let Err(why) = self.debuggee.stop() {
            tracing::warn!("debugger: {why}");
        }
        match GdbStub::new(client).run_blocking::<Loop>(&mut self.debuggee) {
            Ok(DisconnectReason::Kill) => self.endings.report(Ending::Stopped),
            Ok(_) => {}
            Err(error) => tracing::debug!("debugger: {error}"),
        }
        self.debuggee.release();
        Ok(())
    }
}

/// Waits until one of these is readable.
#[allow(unsafe_code)]
fn wait(descriptors: &[RawFd]) -> io::Result<()> {
    let mut ready: Vec<PollFd> = descriptors
        .iter()
        .map(|descriptor| {
            // SAFETY: the callers' descriptors stay open while they wait here.
            let descriptor = unsafe { BorrowedFd::borrow_raw(*descriptor) };
            PollFd::new(descriptor, PollFlags::POLLIN)
        })
        .collect();
    match poll(&mut ready, PollTimeout::NONE) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

enum Loop {}

type Reason = MultiThreadStopReason<u64>;

impl BlockingEventLoop for Loop {
    type Target = Debuggee;
    type Connection = Wire;
    type StopReason = Reason;

    fn wait_for_stop_reason(
        debuggee: &mut Debuggee,
        client: &mut Wire,
    ) -> Result<Event<Reason>, WaitForStopReasonError<String, io::Error>> {
        loop {
            if client.peek().map_err(WaitForStopReasonError::Connection)?.is_some() {
                let byte = client.read().map_err(WaitForStopReasonError::Connection)?;
                return Ok(Event::IncomingData(byte));
            }
            if let Some(reason) = debuggee.stopped().map_err(WaitForStopReasonError::Target)? {
                return Ok(Event::TargetStopped(reason));
            }
            let client = client.as_fd().as_raw_fd();
            let [stops, endings] = debuggee.events();
            wait(&[client, stops, endings]).map_err(WaitForStopReasonError::Connection)?;
        }
    }

    fn on_interrupt(debuggee: &mut Debuggee) -> Result<Option<Reason>, String> {
        debuggee.stop()?;
        Ok(Some(MultiThreadStopReason::Signal(Signal::SIGINT)))
    }
}
