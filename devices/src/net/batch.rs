//! Frames on their way from a NIC to a backend.
//!
//! A frame is headers, which are copied, then stretches of guest memory, which are not, then padding. The
//! batch keeps all headers in one run of bytes, and before each the frame's length, where the
//! [framing](super::framing) of streams wants it.

use super::framing::PREFIX;
use crate::memory::{DmaError, DmaMemory, Gather, Piece};
use std::ops::Range;

/// The most padding that a frame can have: what the shortest lacks.
const MOST_PADDING: usize = 60;
const ZEROS: [u8; MOST_PADDING] = [0; MOST_PADDING];

/// Kinds of super-frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoKind {
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
}

/// How a super-frame is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// What it carries.
    pub kind: GsoKind,
    /// Payload bytes per segment.
    pub size: u16,
    /// Bytes before the payload: Ethernet, IP and TCP headers.
    pub header_length: u16,
}

/// What travels beside a frame's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The transport checksum is still to be computed: where to start summing, and where,
    /// counted from there, the result goes.
    pub partial_checksum: Option<(u16, u16)>,
    /// The frame is a super-frame.
    pub gso: Option<Gso>,
    /// The checksums are known to be good.
    pub verified: bool,
}

#[derive(Debug)]
struct Entry {
    /// Where its length and its headers are.
    headers: Range<usize>,
    /// Which pieces follow.
    payload: Range<usize>,
    padding: usize,
    length: usize,
    metadata: Metadata,
}

/// A batch of frames. Keeps its allocations when cleared.
#[derive(Debug, Default)]
pub struct Batch {
    headers: Vec<u8>,
    payload: Vec<Piece>,
    frames: Vec<Entry>,
    bytes: usize,
    least: usize,
    /// Where the pieces of the frame in the making begin, and their bytes.
    open: (usize, usize),
}

/// One frame of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'b> {
    batch: &'b Batch,
    entry: &'b Entry,
}

impl Batch {
    /// Frames after which a NIC sends what it has. A super-frame may overshoot it.
    pub const FULL_FRAMES: usize = 128;
    /// Bytes after which a NIC sends what it has. A super-frame may overshoot it.
    pub const FULL_BYTES: usize = 256 * 1024;

    /// A batch whose frames get zeros at their end until they have `least` bytes, 60 at most.
    pub fn padded(least: usize) -> Self {
        Self { least: least.min(MOST_PADDING), ..Self::default() }
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.headers.clear();
        self.payload.clear();
        self.frames.clear();
        self.bytes = 0;
        self.open = (0, 0);
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes of all frames.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is time to send.
    pub fn is_full(&self) -> bool {
        self.frames.len() >= Self::FULL_FRAMES || self.bytes >= Self::FULL_BYTES
    }

    /// Adds a frame: `header`, copied, then `range` of `payload`, which stays in guest memory.
    pub fn push(
        &mut self,
        header: &[u8],
        payload: &Gather,
        range: Range<usize>,
        metadata: Metadata,
    ) {
        self.begin();
        for piece in payload.range(range) {
            self.append(piece);
        }
        self.finish(header, metadata);
    }

    /// Begins a frame. One that was begun and not finished is forgotten.
    pub fn begin(&mut self) {
        let first = self.frames.last().map_or(0, |entry| entry.payload.end);
        self.payload.truncate(first);
        self.open = (first, 0);
    }

    /// Appends guest memory to the frame that was begun.
    pub fn append(&mut self, piece: Piece) {
        self.payload.push(piece);
        self.open.1 += piece.length;
    }

    /// Adds the frame that was begun: `header`, copied, then what was appended.
    pub fn finish(&mut self, header: &[u8], metadata: Metadata) {
        let (first, payload) = self.open;
        let present = header.len() + payload;
        let padding = self.least.saturating_sub(present);
        let length = present + padding;
        let start = self.headers.len();
        self.headers.extend_from_slice(&(length as u32).to_be_bytes());
        self.headers.extend_from_slice(header);
        let (headers, payload) = (start..self.headers.len(), first..self.payload.len());
        self.frames.push(Entry { headers, payload, padding, length, metadata });
        self.bytes += length;
        self.open = (self.payload.len(), 0);
    }

    /// Adds a frame that lies in host memory.
    pub fn push_bytes(&mut self, frame: &[u8], metadata: Metadata) {
        self.push(frame, &Gather::default(), 0..0, metadata);
    }

    /// The same frames, with all their bytes in the batch. One whose memory is gone is left out.
    #[must_use]
    pub fn copy(&self, memory: &DmaMemory) -> Self {
        let mut copy = Self::default();
        let mut bytes = Vec::new();
        for frame in self.frames() {
            bytes.clear();
            if frame.copy_to(memory, &mut bytes).is_ok() {
                copy.push_bytes(&bytes, frame.metadata());
            }
        }
        copy
    }

    /// The frames in order.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        self.frames.iter().map(move |entry| Frame { batch: self, entry })
    }
}

impl<'b> Frame<'b> {
    /// Bytes.
    pub fn len(&self) -> usize {
        self.entry.length
    }

    /// Whether the frame has no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.entry.length == 0
    }

    /// Frames that it becomes on the wire.
    pub fn segments(&self) -> usize {
        let Some(gso) = self.entry.metadata.gso else { return 1 };
        let payload = self.entry.length.saturating_sub(usize::from(gso.header_length));
        payload.div_ceil(usize::from(gso.size).max(1)).max(1)
    }

    /// What travels beside the bytes.
    pub fn metadata(&self) -> Metadata {
        self.entry.metadata
    }

    /// Its headers.
    pub fn headers(&self) -> &'b [u8] {
        self.prefixed_headers().get(PREFIX..).unwrap_or_default()
    }

    /// Its length as a big-endian number of 32 bits, and its headers.
    pub fn prefixed_headers(&self) -> &'b [u8] {
        &self.batch.headers[self.entry.headers.clone()]
    }

    /// What follows the headers, in guest memory.
    pub fn payload(&self) -> &'b [Piece] {
        &self.batch.payload[self.entry.payload.clone()]
    }

    /// What follows the payload.
    pub fn padding(&self) -> &'static [u8] {
        &ZEROS[..self.entry.padding]
    }

    /// Copies the front of the frame, as far as it fits; answers how many bytes that is.
    pub fn copy_front(&self, memory: &DmaMemory, out: &mut [u8]) -> Result<usize, DmaError> {
        let mut done = copy(self.headers(), out);
        for piece in self.payload() {
            let room = out.get_mut(done..).unwrap_or_default();
            let count = piece.length.min(room.len());
            memory.read(piece.address, &mut room[..count])?;
            done += count;
        }
        done += copy(self.padding(), out.get_mut(done..).unwrap_or_default());
        Ok(done)
    }

    /// Appends the whole frame to `out`.
    pub fn copy_to(&self, memory: &DmaMemory, out: &mut Vec<u8>) -> Result<(), DmaError> {
        let start = out.len();
        out.resize(start + self.len(), 0);
        self.copy_front(memory, &mut out[start..]).map(drop)
    }
}

/// Copies as much as fits; answers how many bytes that is.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    to[..count].copy_from_slice(&from[..count]);
    count
}
