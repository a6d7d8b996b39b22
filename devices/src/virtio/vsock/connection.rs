//! One connection: bytes both ways, each side sending no more than the other has room for.

use std::io;

use super::packet::{Header, Key, Operation, SHUTDOWN_RECEIVE, SHUTDOWN_SEND};

/// Bytes of the guest that are kept while the host's end takes none.
pub const BUFFER: u32 = 256 * 1024;
/// Bytes that must have been taken before the guest hears of the room unasked.
const WORTH_TELLING: u32 = BUFFER / 4;

/// The host's end of a connection. It never waits: it says `WouldBlock`, and whoever watches it has
/// the device rung when that changes.
pub trait Stream: Send {
    /// The guest took the connection that this end asked for.
    fn accepted(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Gives bytes for the guest; 0 at the end.
    fn read(&mut self, data: &mut [u8]) -> io::Result<usize>;

    /// Takes bytes of the guest; answers how many.
    fn write(&mut self, data: &[u8]) -> io::Result<usize>;

    /// No more bytes will be written.
    fn finish_writing(&mut self);
}

/// What a connection has to say next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A packet, with so many bytes of data.
    Packet(Header),
    /// The last packet: the connection is over.
    Last(Header),
    /// Nothing now.
    Nothing,
}

/// One connection.
pub struct Connection {
    key: Key,
    stream: Box<dyn Stream>,
    /// Both sides agreed.
    established: bool,
    /// A packet without data to send: request or response, before anything else.
    greeting: Option<Operation>,
    /// Bytes of the guest that the stream did not take yet.
    backlog: Vec<u8>,
    /// Bytes of the guest that the stream took, ever, and what the guest last heard of it.
    forwarded: u32,
    told: u32,
    asked: bool,
    /// The guest's room: size of its buffer, bytes it took out, bytes we sent.
    peer_buffer: u32,
    peer_forwarded: u32,
    sent: u32,
    /// The stream may have bytes.
    readable: bool,
    /// The stream ended; and the guest was told.
    ended: bool,
    end_told: bool,
    /// The guest sends no more, receives no more.
    peer_done_sending: bool,
    peer_done_receiving: bool,
    finished: bool,
    broken: bool,
}

impl Connection {
    fn new(key: Key, stream: Box<dyn Stream>, greeting: Operation) -> Self {
        Self {
            key,
            stream,
            established: greeting == Operation::Response,
            greeting: Some(greeting),
            backlog: Vec::new(),
            forwarded: 0,
            told: 0,
            asked: false,
            peer_buffer: 0,
            peer_forwarded: 0,
            sent: 0,
            readable: true,
            ended: false,
            end_told: false,
            peer_done_sending: false,
            peer_done_receiving: false,
            finished: false,
            broken: false,
        }
    }

    /// A connection that the guest asked for, to `stream`.
    pub fn from_guest(request: &Header, stream: Box<dyn Stream>) -> Self {
        let mut this = Self::new(request.key, stream, Operation::Response);
        this.credit(request);
        this
    }

    /// A connection that `stream` asks the guest for.
    pub fn from_host(key: Key, stream: Box<dyn Stream>) -> Self {
        Self::new(key, stream, Operation::Request)
    }

    /// The stream may have bytes, or room.
    pub fn woken(&mut self) {
        self.readable = true;
        self.drain();
    }

    fn credit(&mut self, header: &Header) {
        (self.peer_buffer, self.peer_forwarded) = (header.buffer, header.forwarded);
    }

    /// A packet of the guest, with its data. What breaks the rules breaks the connection.
    pub fn receive(&mut self, header: &Header, data: &[u8]) {
        self.credit(header);
        match header.operation {
            Some(Operation::Response) if !self.established && self.greeting.is_none() => {
                self.established = true;
                self.broken |= self.stream.accepted().is_err();
            }
            Some(Operation::Data) if self.established && !self.peer_done_sending => {
                if self.backlog.len() + data.len() > BUFFER as usize {
                    self.broken = true;
                    return;
                }
                // What nothing waits before need not be kept first.
                let taken = if self.backlog.is_empty() { self.pass_on(data) } else { 0 };
                self.backlog.extend_from_slice(data.get(taken..).unwrap_or_default());
            }
            Some(Operation::Shutdown) => {
                self.peer_done_sending |= header.flags & SHUTDOWN_SEND != 0;
                self.peer_done_receiving |= header.flags & SHUTDOWN_RECEIVE != 0;
                self.drain();
            }
            Some(Operation::CreditUpdate) => {}
            Some(Operation::CreditRequest) => self.asked = true,
            _ => self.broken = true,
        }
    }

    /// Hands bytes of the guest to the stream; answers how many it took.
    fn pass_on(&mut self, data: &[u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = data.get(done..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) if count > 0 => done += count.min(rest.len()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(_) | Err(_) => {
                    self.broken = true;
                    break;
                }
            }
        }
        self.forwarded = self.forwarded.wrapping_add(done as u32);
        done
    }

    /// Passes on what the stream did not take before, and that it was all.
    fn drain(&mut self) {
        let mut backlog = std::mem::take(&mut self.backlog);
        let done = self.pass_on(&backlog);
        backlog.drain(..done);
        self.backlog = backlog;
        if self.backlog.is_empty() && self.peer_done_sending && !self.finished {
            self.finished = true;
            self.stream.finish_writing();
        }
    }

    fn header(&mut self, operation: Operation, flags: u32, length: u32) -> Header {
        self.told = self.forwarded;
        let (key, forwarded) = (self.key, self.forwarded);
        Header { key, length, operation: Some(operation), flags, buffer: BUFFER, forwarded }
    }

    /// Bytes that the guest has room for.
    fn room(&self) -> usize {
        let under_way = self.sent.wrapping_sub(self.peer_forwarded);
        self.peer_buffer.saturating_sub(under_way) as usize
    }

    /// What it has to say next; data goes to `data`, whose length is the room for it.
    pub fn next(&mut self, data: &mut [u8]) -> Next {
        let over = self.peer_done_receiving && self.finished;
        if self.broken || over {
            return Next::Last(Header::reset(self.key));
        }
        if let Some(greeting) = self.greeting.take() {
            return Next::Packet(self.header(greeting, 0, 0));
        }
        if !self.established {
            return Next::Nothing;
        }
        let news = self.forwarded.wrapping_sub(self.told);
        if std::mem::take(&mut self.asked) || news >= WORTH_TELLING {
            return Next::Packet(self.header(Operation::CreditUpdate, 0, 0));
        }
        if self.ended {
            if std::mem::replace(&mut self.end_told, true) {
                return Next::Nothing;
            }
            return Next::Packet(self.header(Operation::Shutdown, SHUTDOWN_SEND, 0));
        }
        let room = data.len().min(self.room());
        if !self.readable || room == 0 || self.peer_done_receiving {
            return Next::Nothing;
        }
        match self.stream.read(&mut data[..room]) {
            Ok(0) => {
                self.ended = true;
                self.next(data)
            }
            Ok(count) => {
                let count = count.min(room) as u32;
                self.sent = self.sent.wrapping_add(count);
                Next::Packet(self.header(Operation::Data, 0, count))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Next::Nothing
            }
            Err(_) => Next::Last(Header::reset(self.key)),
        }
    }
}
