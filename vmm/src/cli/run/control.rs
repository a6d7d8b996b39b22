//! The guest's control channel: a port of its virtio console, on a unix socket or on a command.
//!
//! The port is one end of a socket pair. At the other end is either a thread of our own that runs
//! one command ([`super::command`]), or a [`ControlSocket`] that passes bytes between the pair and
//! whoever connected to `--control`, one client at a time.
//!
//! Nothing here waits, since NICs share the thread: where one side does not read, what was taken from
//! the other stays in a [`Flow`], and no more is taken until it is gone.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use devices::virtio::console::{self, Console};
use event_manager::{EventOps, Events, MutEventSubscriber};
use guest_init::client::Command;
use guest_init::protocol::CONTROL_PORT;
use vmm_sys_util::epoll::EventSet;

use super::command::Prepared;
use crate::listen::listen;
use crate::machine::{Machine, layout, port};
use crate::streams::Streams;

/// Bytes passed on at a time.
const CHUNK: usize = 16 * 1024;

/// Gives `machine` its control port; the other end of the channel is returned.
pub fn add_channel(machine: &mut Machine) -> Result<UnixStream> {
    let (guest, host) = UnixStream::pair().context("cannot make a socket pair")?;
    let (port, peer) = port::on_socket(guest, 0)?;
    let ports = vec![console::Config { name: CONTROL_PORT.into(), console: false, port }];
    let messages = machine.messages(console::vectors(1))?;
    let function = Console::function(ports, machine.dma_memory(), messages)?;
    machine.add_function(layout::CONSOLE_SLOT, Box::new(function), vec![peer])?;
    Ok(host)
}

/// Gives `machine` the control channel if there is a use for it: a command, which is answered, or a
/// client at `socket`.
pub fn add(
    machine: &mut Machine,
    socket: Option<&Path>,
    command: Option<Command>,
    streams: Streams,
) -> Result<Option<Prepared>> {
    if let Some(path) = socket {
        let channel = add_channel(machine)?;
        machine.add_subscriber(Box::new(ControlSocket::bind(path, channel)?));
    } else if let Some(command) = command {
        let channel = add_channel(machine)?;
        let endings = machine.endings();
        return Ok(Some(Prepared { command, streams, channel, endings }));
    }
    Ok(None)
}

/// Bytes taken from one side that the other has no room for yet: a chunk at most.
#[derive(Default)]
struct Flow {
    held: Vec<u8>,
}

impl Flow {
    fn is_stuck(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes a chunk from `from`, and gives what `to` has room for. Answers how much it took.
    fn pass(&mut self, from: &mut UnixStream, to: &mut UnixStream) -> io::Result<usize> {
        let mut chunk = [0; CHUNK];
        let count = from.read(&mut chunk)?;
        self.held.extend_from_slice(&chunk[..count]);
        self.flush(to).map(|()| count)
    }

    /// Gives what is held, as far as there is room for it.
    fn flush(&mut self, to: &mut UnixStream) -> io::Result<()> {
        while self.is_stuck() {
            match to.write(&self.held) {
                Ok(count) => drop(self.held.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Listens on a path and connects one client at a time to the channel.
pub struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    channel: Watched,
    client: Option<Watched>,
    to_client: Flow,
    to_guest: Flow,
}

/// A socket, and what is waited for there.
struct Watched {
    stream: UnixStream,
    data: u32,
    events: EventSet,
}

const ACCEPT: u32 = 0;
const CHANNEL: u32 = 1;
const CLIENT: u32 = 2;

impl Watched {
    fn new(stream: UnixStream, data: u32) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, data, events: EventSet::empty() })
    }

    /// Waits for other events. A socket without any is not watched at all: its hang-up would wake us
    /// over and over.
    fn watch(&mut self, readable: bool, writable: bool, ops: &mut EventOps) -> Option<()> {
        let mut events = EventSet::empty();
        events.set(EventSet::IN, readable);
        events.set(EventSet::OUT, writable);
        let before = std::mem::replace(&mut self.events, events);
        let wanted = Events::with_data(&self.stream, self.data, events);
        let result = match (before.is_empty(), events.is_empty()) {
            _ if before == events => return Some(()),
            (true, _) => ops.add(wanted),
            (_, true) => ops.remove(wanted),
            _ => ops.modify(wanted),
        };
        let complain = |error| tracing::error!("the control socket cannot be watched: {error:?}");
        result.map_err(complain).ok()
    }
}

impl ControlSocket {
    /// Listens on `path`.
    pub fn bind(path: &Path, channel: UnixStream) -> Result<Self> {
        let listener = listen(path).context("control socket")?;
        Ok(Self {
            path: path.into(),
            listener,
            channel: Watched::new(channel, CHANNEL)?,
            client: None,
            to_client: Flow::default(),
            to_guest: Flow::default(),
        })
    }

    fn accept(&mut self, ops: &mut EventOps) {
        let Ok((client, _)) = self.listener.accept() else { return };
        // The newest client wins: an old one may be a connection that its owner forgot.
        self.disconnect(ops);
        self.client = Watched::new(client, CLIENT).ok();
    }

    fn disconnect(&mut self, ops: &mut EventOps) {
        if let Some(mut client) = self.client.take() {
            client.watch(false, false, ops);
        }
        self.to_client = Flow::default();
    }

    /// What the guest says goes to the client, or nowhere while there is none.
    fn serve_channel(&mut self, events: EventSet, ops: &mut EventOps) {
        if events.contains(EventSet::OUT) {
            let _ = self.to_guest.flush(&mut self.channel.stream);
        }
        if !events.contains(EventSet::IN) {
            return;
        }
        let Some(client) = &mut self.client else {
            let _ = self.channel.stream.read(&mut [0; CHUNK]);
            return;
        };
        let passed = self.to_client.pass(&mut self.channel.stream, &mut client.stream);
        if passed.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
            self.disconnect(ops);
        }
    }

    fn serve_client(&mut self, events: EventSet, ops: &mut EventOps) {
        let Some(client) = &mut self.client else { return };
        let mut alive = true;
        if events.contains(EventSet::OUT) {
            alive = self.to_client.flush(&mut client.stream).is_ok();
        }
        if events.contains(EventSet::IN) && !self.to_guest.is_stuck() {
            alive &= match self.to_guest.pass(&mut client.stream, &mut self.channel.stream) {
                Ok(count) => count > 0,
                Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            };
        } else if events.intersects(EventSet::HANG_UP | EventSet::ERROR) {
            alive = false;
        }
        if !alive {
            self.disconnect(ops);
        }
    }

    /// Waits for what can go on.
    fn watch(&mut self, ops: &mut EventOps) {
        let (to_client, to_guest) = (self.to_client.is_stuck(), self.to_guest.is_stuck());
        self.channel.watch(!to_client, to_guest, ops);
        let watched = self.client.as_mut().map(|it| it.watch(!to_guest, to_client, ops));
        if watched == Some(None) {
            self.client = None;
        }
    }
}

impl MutEventSubscriber for ControlSocket {
    fn init(&mut self, ops: &mut EventOps) {
        if let Err(error) = ops.add(Events::with_data(&self.listener, ACCEPT, EventSet::IN)) {
            tracing::error!("the control socket cannot be watched: {error:?}");
        }
        self.watch(ops);
    }

    fn process(&mut self, events: Events, ops: &mut EventOps) {
        match events.data() {
            ACCEPT => self.accept(ops),
            CHANNEL => self.serve_channel(events.event_set(), ops),
            _ => self.serve_client(events.event_set(), ops),
        }
        self.watch(ops);
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
