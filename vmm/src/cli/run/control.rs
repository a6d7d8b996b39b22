//! The guest's control channel: a port of its virtio console, on a unix socket or on a command.
//!
//! The port is one end of a socket pair. At the other end is either a thread of our own that runs
//! one command ([`super::command`]), or a [`ControlSocket`] that passes bytes between the pair and
//! whoever connected to `--control`, one client at a time.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use devices::net::check_socket_path;
use devices::virtio::console::{self, Console};
use event_manager::{EventOps, Events, MutEventSubscriber};
use guest_init::protocol::CONTROL_PORT;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vmm_sys_util::epoll::EventSet;

use crate::machine::{Machine, layout, port};

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

/// Listens on a path and connects one client at a time to the channel.
pub struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    channel: UnixStream,
    client: Option<UnixStream>,
}

const ACCEPT: u32 = 0;
const CHANNEL: u32 = 1;
const CLIENT: u32 = 2;

impl ControlSocket {
    /// Listens on `path`, which must not exist.
    pub fn bind(path: &Path, channel: UnixStream) -> Result<Self> {
        check_socket_path(path)?;
        let listener = UnixListener::bind(path).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => anyhow::anyhow!(
                "control socket {} exists already: another nicvmm may use it; if not, remove it",
                path.display()
            ),
            _ => anyhow::anyhow!("cannot listen on control socket {}: {error}", path.display()),
        })?;
        listener.set_nonblocking(true)?;
        channel.set_nonblocking(true)?;
        Ok(Self { path: path.into(), listener, channel, client: None })
    }

    fn accept(&mut self, ops: &mut EventOps) {
        let Ok((client, _)) = self.listener.accept() else { return };
        // The newest client wins: an old one may be a connection that its owner forgot.
        self.disconnect(ops);
        if client.set_nonblocking(true).is_ok()
            && ops.add(Events::with_data(&client, CLIENT, EventSet::IN)).is_ok()
        {
            self.client = Some(client);
        }
    }

    fn disconnect(&mut self, ops: &mut EventOps) {
        if let Some(client) = self.client.take() {
            let _ = ops.remove(Events::with_data(&client, CLIENT, EventSet::IN));
        }
    }

    /// What the guest says goes to the client, or nowhere while there is none.
    fn pass_guest_output(&mut self, ops: &mut EventOps) {
        let mut chunk = [0; CHUNK];
        let Ok(count) = self.channel.read(&mut chunk) else { return };
        let Some(client) = &mut self.client else { return };
        if write_all(client, &chunk[..count]).is_err() {
            self.disconnect(ops);
        }
    }

    fn pass_client_input(&mut self, ops: &mut EventOps) {
        let mut chunk = [0; CHUNK];
        match self.client.as_mut().map(|client| client.read(&mut chunk)) {
            Some(Ok(count)) if count > 0 => {
                let _ = write_all(&mut self.channel, &chunk[..count]);
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => self.disconnect(ops),
        }
    }
}

/// Writes everything to a socket that does not block, waiting a while for room.
fn write_all(stream: &mut UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    /// A peer that takes nothing for this long is gone.
    const PATIENCE_MS: u16 = 2000;
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let room = PollFd::new(stream.as_fd(), PollFlags::POLLOUT);
                if poll(&mut [room], PollTimeout::from(PATIENCE_MS))? == 0 {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl MutEventSubscriber for ControlSocket {
    fn init(&mut self, ops: &mut EventOps) {
        let events = [
            Events::with_data(&self.listener, ACCEPT, EventSet::IN),
            Events::with_data(&self.channel, CHANNEL, EventSet::IN),
        ];
        if let Some(error) = events.into_iter().find_map(|event| ops.add(event).err()) {
            tracing::error!("the control socket cannot be watched: {error:?}");
        }
    }

    fn process(&mut self, events: Events, ops: &mut EventOps) {
        match events.data() {
            ACCEPT => self.accept(ops),
            CHANNEL => self.pass_guest_output(ops),
            _ => self.pass_client_input(ops),
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
