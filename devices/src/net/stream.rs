//! A wire that is a unix stream socket: backend `stream:PATH`.
//!
//! A batch goes out as one vectored write straight from guest memory. What the socket would not
//! take is copied, so the guest may have its buffers back; the copy is never longer than one
//! batch, because a blocked backend gets no other. When the peer goes, the link goes down and the
//! connection is tried again each time [`Backend::reconnect`] is called.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, setsockopt, socket, sockopt,
};

use super::framing::{FrameReader, FrameWriter, Lost, MAX_FRAME, PREFIX};
use super::{Backend, Batch, Metadata, Sent};
use crate::memory::DmaMemory;
use crate::vectors::{Room, Vectors};

/// Longest path of a unix socket on Linux, without the NUL that ends it.
pub const MAX_SOCKET_PATH: usize = 107;
/// Send buffer asked for; the kernel gives what `net.core.wmem_max` allows.
const SEND_BUFFER: usize = 4 * 1024 * 1024;

/// Why a socket path is of no use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The path does not fit into a socket address
    #[error(
        "socket path {} is {} bytes long and the limit is {MAX_SOCKET_PATH}; use a shorter one",
        .0.display(), .0.as_os_str().len()
    )]
    TooLong(PathBuf),
    /// The path is empty or holds a NUL
    #[error("'{}' is not a socket path", .0.display())]
    NotAPath(PathBuf),
    /// Something else lives at the path
    #[error("{} is there, but it is not a socket", .0.display())]
    NotASocket(PathBuf),
}

/// Makes sure that `path` can be the address of a unix socket.
pub fn check_socket_path(path: &Path) -> Result<(), StreamError> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(StreamError::NotAPath(path.to_owned()));
    }
    if bytes.len() > MAX_SOCKET_PATH {
        return Err(StreamError::TooLong(path.to_owned()));
    }
    Ok(())
}

/// The client end of a stream socket.
#[derive(Debug)]
pub struct Stream {
    path: Option<PathBuf>,
    socket: Option<OwnedFd>,
    /// Connections so far.
    connections: u64,
    reader: FrameReader,
    writer: FrameWriter,
    /// Which frames of the batch the wire cannot carry, in order.
    refused: Vec<usize>,
    room: Room,
    /// Nothing has arrived over this connection yet.
    unproven: bool,
    /// Connections in a row that ended before anything arrived: a peer that hangs up on us.
    hang_ups: u32,
    /// Calls of [`Backend::reconnect`] to let pass before the next try.
    pause: u32,
}

/// Hang-ups after which the pause grows no more: it is then 63 calls of
/// [`Backend::reconnect`].
const MOST_HANG_UPS: u32 = 7;

impl Stream {
    /// A wire to whoever listens at `path`. When no one does yet, the link is down and
    /// [`Backend::reconnect`] goes on trying.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StreamError> {
        use std::os::unix::fs::FileTypeExt;
        let path = path.into();
        check_socket_path(&path)?;
        if path.metadata().is_ok_and(|found| !found.file_type().is_socket()) {
            return Err(StreamError::NotASocket(path));
        }
        let mut stream = Self::with(Some(path), None);
        stream.reconnect();
        Ok(stream)
    }

    /// A wire over a connected socket. Once the peer is gone, it stays gone.
    pub fn from_socket(socket: UnixStream) -> Self {
        Self::with(None, Some(socket.into()))
    }

    fn with(path: Option<PathBuf>, socket: Option<OwnedFd>) -> Self {
        let (reader, writer) = (FrameReader::default(), FrameWriter::default());
        let (refused, room) = (Vec::new(), Room::default());
        let connections = 0;
        Self {
            path,
            socket,
            connections,
            reader,
            writer,
            refused,
            room,
            unproven: true,
            hang_ups: 0,
            pause: 0,
        }
    }

    fn lose(&mut self, why: Lost) {
        if self.hang_ups == 0 {
            tracing::warn!(peer = %self.peer(), "link down: {why}");
        }
        if self.unproven {
            self.hang_ups = (self.hang_ups + 1).min(MOST_HANG_UPS);
            self.pause = (1 << (self.hang_ups - 1)) - 1;
        }
        self.socket = None;
        self.reader.reset();
        self.writer.reset();
    }

    fn peer(&self) -> String {
        self.path.as_ref().map_or("(socket)".into(), |path| path.display().to_string())
    }

    /// Copies what remains of `batch` after `sent` bytes of its stream. A frame whose memory is
    /// gone meanwhile goes out as zeros: its length may be on the wire already.
    fn keep_rest(&mut self, memory: &DmaMemory, batch: &Batch, mut sent: usize) {
        let rest = self.writer.bytes();
        for (frame, index) in batch.frames().zip(0..) {
            if self.refused.binary_search(&index).is_ok() {
                continue;
            }
            let length = PREFIX + frame.len();
            if sent >= length {
                sent -= length;
                continue;
            }
            let start = rest.len();
            rest.extend_from_slice(&(frame.len() as u32).to_be_bytes());
            if frame.copy_to(memory, rest).is_err() {
                rest.truncate(start + PREFIX);
                rest.resize(start + length, 0);
            }
            rest.drain(start..start + sent);
            sent = 0;
        }
    }
}

impl Backend for Stream {
    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent {
        let Some(socket) = &self.socket else { return Sent::All };
        self.refused.clear();
        let mut total = 0;
        let mut vectors = Vectors::new(&mut self.room);
        for (frame, index) in batch.frames().zip(0..) {
            let start = vectors.len();
            vectors.push_bytes(frame.prefixed_headers());
            let mut payload = frame.payload().iter();
            let whole = payload.all(|piece| vectors.push_guest(memory, *piece).is_ok());
            vectors.push_bytes(frame.padding());
            if whole && !frame.is_empty() && frame.len() <= MAX_FRAME {
                total += PREFIX + frame.len();
            } else {
                vectors.truncate(start);
                self.refused.push(index);
            }
        }
        let sent = vectors.send(socket.as_fd());
        match sent {
            Ok(sent) if sent < total => {
                self.keep_rest(memory, batch, sent);
                self.resume()
            }
            Ok(_) => Sent::All,
            Err(error) => {
                self.lose(Lost::Failed(error));
                Sent::All
            }
        }
    }

    fn resume(&mut self) -> Sent {
        let Some(socket) = &self.socket else { return Sent::All };
        self.writer.flush(socket.as_fd()).unwrap_or_else(|why| {
            self.lose(why);
            Sent::All
        })
    }

    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        let socket = self.socket.as_ref()?;
        if let Err(why) = self.reader.peek(socket.as_fd()) {
            self.lose(why);
            return None;
        }
        let frame = self.reader.front()?;
        (self.unproven, self.hang_ups) = (false, 0);
        Some((frame, Metadata::default()))
    }

    fn consume(&mut self) {
        self.reader.consume();
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    fn connection(&self) -> u64 {
        self.connections
    }

    fn link(&self) -> bool {
        self.socket.is_some()
    }

    fn reconnect(&mut self) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
        } else if self.socket.is_none()
            && let Some(path) = &self.path
            && let Ok(socket) = dial(path)
        {
            tracing::info!(peer = %self.peer(), "link up");
            self.socket = Some(socket);
            self.connections += 1;
            self.unproven = true;
        }
        self.link()
    }
}

/// Connects without waiting: a listener whose queue is full counts as absent.
fn dial(path: &Path) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    // A smaller buffer works as well, in more system calls.
    let _ = setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER);
    Ok(socket)
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
