//! Frames on a byte stream: a 4-byte big-endian length, then the frame.
//!
//! QEMU's `-netdev stream` and passt speak it, and so do both ends of the product: a NIC's
//! [`Stream`](super::Stream) backend and the ports of the path. [`FrameReader`] takes many frames
//! in one read and shows them where they lie; [`FrameWriter`] holds what the socket would not take.

use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use super::Sent;

/// Bytes of the length before each frame.
pub const PREFIX: usize = 4;
/// Longest frame that either side may send: a 64 KiB IP packet and room for link headers.
pub const MAX_FRAME: usize = 68 * 1024;
/// Shortest frame worth showing: an Ethernet header. Shorter ones are dropped.
pub const MIN_FRAME: usize = 14;
/// Size of the read buffer: one read takes as many frames as fit.
const READ_BUFFER: usize = 256 * 1024;

/// Why a stream is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The peer closed its end
    #[error("the peer closed the connection")]
    Closed,
    /// The peer announced a frame that cannot be
    #[error("the peer announced a frame of {0} bytes; frames are 1 to {MAX_FRAME} bytes long")]
    BadLength(u32),
    /// The socket failed
    #[error("the connection failed: {0}")]
    Failed(Errno),
}

/// The reading side of a stream.
#[derive(Debug)]
pub struct FrameReader {
    buffer: Box<[u8]>,
    filled: Range<usize>,
    /// The first frame in it, once it was found.
    front: Option<Range<usize>>,
    /// The last read got less than it asked for: another one right away would get nothing.
    drained: bool,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self {
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
            filled: 0..0,
            front: None,
            drained: false,
        }
    }
}

impl FrameReader {
    /// Forgets everything read so far; for a new peer.
    pub fn reset(&mut self) {
        self.filled = 0..0;
        self.front = None;
        self.drained = false;
    }

    /// The oldest frame, without taking it. Reads from `socket` only when no whole frame is at
    /// hand, and never waits: `None` means that it is time to wait for the socket, by a watch that
    /// is level-triggered (something may have arrived since the last read).
    pub fn peek(&mut self, socket: BorrowedFd<'_>) -> Result<Option<&[u8]>, Lost> {
        loop {
            if let Some(frame) = self.whole()? {
                return Ok(Some(&self.buffer[frame]));
            }
            if !self.fill(socket)? {
                return Ok(None);
            }
        }
    }

    /// The oldest whole frame in the buffer, without reading.
    pub fn front(&mut self) -> Option<&[u8]> {
        let frame = self.whole().ok().flatten()?;
        Some(&self.buffer[frame])
    }

    /// Takes the frame that [`FrameReader::peek`] showed.
    pub fn consume(&mut self) {
        if let Ok(Some(frame)) = self.whole() {
            self.filled.start = frame.end;
            self.front = None;
        }
    }

    /// The first whole frame in the buffer. Drops runts on the way.
    fn whole(&mut self) -> Result<Option<Range<usize>>, Lost> {
        while self.front.is_none() {
            let rest = &self.buffer[self.filled.clone()];
            let Some(prefix) = rest.first_chunk::<PREFIX>() else { return Ok(None) };
            let announced = u32::from_be_bytes(*prefix);
            let length = announced as usize;
            if length == 0 || length > MAX_FRAME {
                return Err(Lost::BadLength(announced));
            }
            if rest.len() < PREFIX + length {
                return Ok(None);
            }
            let start = self.filled.start + PREFIX;
            if length >= MIN_FRAME {
                self.front = Some(start..start + length);
            } else {
                self.filled.start = start + length;
            }
        }
        Ok(self.front.clone())
    }

    /// Reads once. Answers whether anything came.
    fn fill(&mut self, socket: BorrowedFd<'_>) -> Result<bool, Lost> {
        if std::mem::take(&mut self.drained) {
            return Ok(false);
        }
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        loop {
            let room = &mut self.buffer[self.filled.end..];
            match recv(socket.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => return Err(Lost::Closed),
                Ok(count) => {
                    self.drained = count < room.len();
                    self.filled.end += count;
                    return Ok(true);
                }
                Err(Errno::EAGAIN) => return Ok(false),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(Lost::Failed(error)),
            }
        }
    }
}

/// The writing side of a stream: bytes that wait for the socket.
#[derive(Debug, Default)]
pub struct FrameWriter {
    bytes: Vec<u8>,
    written: usize,
}

impl FrameWriter {
    /// Forgets everything that waits; for a new peer.
    pub fn reset(&mut self) {
        self.bytes.clear();
        self.written = 0;
    }

    /// Bytes that wait.
    pub fn pending(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Appends a frame and its prefix. Nothing is written before [`FrameWriter::flush`].
    pub fn push(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(&(frame.len() as u32).to_be_bytes());
        self.bytes.extend_from_slice(frame);
    }

    /// Appends bytes that already have their framing.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Writes what the socket takes now.
    pub fn flush(&mut self, socket: BorrowedFd<'_>) -> Result<Sent, Lost> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        while self.written < self.bytes.len() {
            match send(socket.as_raw_fd(), &self.bytes[self.written..], flags) {
                Ok(count) => self.written += count,
                Err(Errno::EAGAIN) => return Ok(Sent::Blocked),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(Lost::Failed(error)),
            }
        }
        self.reset();
        Ok(Sent::All)
    }
}
