//! The byte stream to a debugger.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use gdbstub::conn::{Connection, ConnectionExt};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Bytes read at a time.
const CHUNK: usize = 4096;

trait Stream: Read + Write + AsFd + Send {}

impl<T: Read + Write + AsFd + Send> Stream for T {}

/// A connected client.
pub struct Wire {
    stream: Box<dyn Stream>,
    received: VecDeque<u8>,
}

impl Wire {
    /// The other end of `stream`, which must block.
    pub fn new(stream: impl Read + Write + AsFd + Send + 'static) -> Self {
        Self { stream: Box::new(stream), received: VecDeque::new() }
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        let count = loop {
            match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.received.extend(&chunk[..count]);
        Ok(())
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Connection for Wire {
    type Error = io::Error;

    fn write(&mut self, byte: u8) -> io::Result<()> {
        self.stream.write_all(&[byte])
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl ConnectionExt for Wire {
    fn read(&mut self) -> io::Result<u8> {
        loop {
            if let Some(byte) = self.received.pop_front() {
                return Ok(byte);
            }
            self.fill()?;
        }
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.received.is_empty() {
            let mut ready = [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN)];
            if poll(&mut ready, PollTimeout::ZERO)? > 0 {
                self.fill()?;
            }
        }
        Ok(self.received.front().copied())
    }
}
