//! The host's side of virtio-vsock, on unix sockets in Firecracker's convention.
//!
//! - A program of the host connects to the socket, writes `CONNECT port` and a line feed, and gets `OK`
//!   and a port of the host's as soon as somebody in the guest has accepted.
//! - A program of the guest that connects to port 52 of the host (CID 2) reaches whoever listens
//!   on the socket's path followed by `_52`.
//!
//! All descriptors are in one epoll set, which is itself what the device's worker watches.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use devices::virtio::vsock::{Host, Key, RECEIVE, Stream, VECTORS, Vsock};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::Machine;
use super::error::{Error, Result};
use super::worker::Peer;
use crate::listen::listen;

/// Ports of the host for connections that it asks for start here, as Firecracker's do.
const FIRST_PORT: u32 = 1 << 30;
/// Callers that have not said yet what they want, and those whose wish waits for the device.
const MAX_CALLERS: usize = 64;
/// The longest line of a caller: a word and a number of ten digits.
const MAX_LINE: usize = 32;
/// Events taken of the kernel at a time.
const EVENTS: usize = 64;

/// The listener's mark in the epoll set.
const LISTENER: u64 = u64::MAX;
/// The guest's port in the marks of callers: one that no socket has.
const CALLER: u32 = u32::MAX;

/// The unix sockets of one device.
struct Sockets {
    path: PathBuf,
    listener: UnixListener,
    epoll: OwnedFd,
    /// Those who connected, and what they said so far.
    callers: BTreeMap<u32, (UnixStream, Vec<u8>)>,
    next_caller: u32,
    /// Those who said which port they want.
    waiting: VecDeque<(Key, Box<dyn Stream>)>,
    next_port: u32,
}

impl Machine {
    /// Adds a vsock device in the next free slot, which listens on `path`.
    pub fn add_vsock(&mut self, path: &Path) -> Result<()> {
        let sockets = Sockets::bind(path).map_err(Error::Vsock)?;
        let descriptor = sockets
            .epoll
            .try_clone()
            .map_err(|error| Error::System("duplicate an epoll descriptor", error))?;
        let messages = self.messages(VECTORS)?;
        let function = Vsock::function(Box::new(sockets), self.dma_memory(), messages)
            .map_err(|error| Error::Vsock(error.to_string()))?;
        let (readable, writable) = (RECEIVE.into(), RECEIVE.into());
        self.add_device(Box::new(function), vec![Peer { descriptor, readable, writable }])
    }
}

fn mark(key: Key) -> u64 {
    u64::from(key.guest) << 32 | u64::from(key.host)
}

fn marked(mark: u64) -> Key {
    Key { guest: (mark >> 32) as u32, host: mark as u32 }
}

/// Everything that may happen to a socket, told once each time.
fn changes() -> EventFlags {
    EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET
}

impl Sockets {
    /// Listens on `path`.
    fn bind(path: &Path) -> std::result::Result<Self, String> {
        let listener = listen(path).map_err(|error| format!("{error:#}"))?;
        let prepare = || -> io::Result<OwnedFd> {
            let epoll = epoll::create(CreateFlags::CLOEXEC)?;
            epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
            Ok(epoll)
        };
        let epoll = prepare().map_err(|error| error.to_string())?;
        Ok(Self {
            path: path.into(),
            listener,
            epoll,
            callers: BTreeMap::new(),
            next_caller: 0,
            waiting: VecDeque::new(),
            next_port: FIRST_PORT,
        })
    }

    fn watch(&self, stream: &UnixStream, mark: u64) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        Ok(epoll::add(&self.epoll, stream, EventData::new_u64(mark), changes())?)
    }

    /// Lets everybody in who knocks, up to the limit; others are turned away.
    fn admit(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.callers.len() + self.waiting.len() >= MAX_CALLERS {
                continue;
            }
            let number = self.next_caller;
            self.next_caller = self.next_caller.wrapping_add(1);
            if self.watch(&stream, mark(Key { guest: CALLER, host: number })).is_ok() {
                self.callers.insert(number, (stream, Vec::new()));
                self.hear(number);
            }
        }
    }

    /// Reads what a caller says, byte by byte: what follows the line is the guest's.
    fn hear(&mut self, number: u32) {
        let Some((stream, line)) = self.callers.get_mut(&number) else { return };
        let mut byte = [0];
        loop {
            match stream.read(&mut byte) {
                Ok(1) if byte == *b"\n" => break,
                Ok(1) if line.len() < MAX_LINE => line.extend(byte),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => {
                    self.callers.remove(&number);
                    return;
                }
            }
        }
        let Some((stream, line)) = self.callers.remove(&number) else { return };
        let Some(guest) = wanted(&line) else { return };
        let key = Key { guest, host: self.next_port };
        // Ports come round only after a thousand million connections.
        self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_PORT);
        let data = EventData::new_u64(mark(key));
        if epoll::modify(&self.epoll, &stream, data, changes()).is_ok() {
            self.waiting.push_back((key, Box::new(Socket(stream, Some(key.host)))));
        }
    }

    /// Connects to whoever listens for `port`, without waiting.
    fn reach(&self, port: u32) -> io::Result<UnixStream> {
        let mut name = self.path.clone().into_os_string();
        name.push(format!("_{port}"));
        let address = SocketAddrUnix::new(Path::new(&name))?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::net::connect(&socket, &address)?;
        Ok(socket.into())
    }
}

/// The port in a caller's line.
fn wanted(line: &[u8]) -> Option<u32> {
    let line = std::str::from_utf8(line).ok()?;
    let port = line.trim_end_matches('\r').strip_prefix("CONNECT ")?;
    port.trim().parse().ok().filter(|port| *port != CALLER)
}

impl Host for Sockets {
    fn connect(&mut self, key: Key) -> Option<Box<dyn Stream>> {
        let stream = self.reach(key.host).and_then(|stream| {
            self.watch(&stream, mark(key))?;
            Ok(stream)
        });
        match stream {
            Ok(stream) => Some(Box::new(Socket(stream, None))),
            Err(error) => {
                tracing::debug!(port = key.host, %error, "nobody for the guest's connection");
                None
            }
        }
    }

    fn accept(&mut self) -> Option<(Key, Box<dyn Stream>)> {
        self.waiting.pop_front()
    }

    fn woken(&mut self) -> Vec<Key> {
        let mut keys = Vec::new();
        loop {
            let mut events = Vec::with_capacity(EVENTS);
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let room = spare_capacity(&mut events);
            if epoll::wait(&self.epoll, room, Some(&now)).is_err() {
                return keys;
            }
            let count = events.len();
            for event in events {
                match event.data.u64() {
                    LISTENER => self.admit(),
                    other if marked(other).guest == CALLER => self.hear(marked(other).host),
                    other => keys.push(marked(other)),
                }
            }
            if count < EVENTS {
                return keys;
            }
        }
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// One connection's socket; with the port to tell a caller of, once the guest has accepted.
struct Socket(UnixStream, Option<u32>);

/// Repeats what a signal interrupted.
fn patiently<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl Stream for Socket {
    fn accepted(&mut self) -> io::Result<()> {
        match self.1.take() {
            // A fresh socket has room for a line.
            Some(port) => self.0.write_all(format!("OK {port}\n").as_bytes()),
            None => Ok(()),
        }
    }

    fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
        patiently(|| self.0.read(data))
    }

    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        patiently(|| self.0.write(data))
    }

    fn finish_writing(&mut self) {
        // It may have gone already.
        let _ = self.0.shutdown(Shutdown::Write);
    }
}

#[cfg(test)]
#[path = "vsock_tests.rs"]
mod tests;
