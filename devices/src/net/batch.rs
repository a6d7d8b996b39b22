//! Frames on their way from a NIC to a backend.

use crate::memory::{DmaError, DmaMemory, Gather, Piece};
use std::ops::Range;

/// A stretch of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Bytes of the batch's arena.
    Arena(Range<usize>),
    /// Bytes of guest memory.
    Guest(Piece),
}

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
    parts: Range<usize>,
    length: usize,
    metadata: Metadata,
}

/// A batch of frames. Keeps its allocations when cleared.
#[derive(Debug, Default)]
pub struct Batch {
    arena: Vec<u8>,
    parts: Vec<Part>,
    frames: Vec<Entry>,
    bytes: usize,
    least: usize,
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

    /// A batch whose frames get zeros at their end until they have `least` bytes.
    pub fn padded(least: usize) -> Self {
        Self { least, ..Self::default() }
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.parts.clear();
        self.frames.clear();
        self.bytes = 0;
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
        let first = self.parts.len();
        let start = self.arena.len();
        self.arena.extend_from_slice(header);
        if !header.is_empty() {
            self.parts.push(Part::Arena(start..self.arena.len()));
        }
        let mut length = header.len();
        for piece in payload.range(range) {
            length += piece.length;
            self.parts.push(Part::Guest(piece));
        }
        if length < self.least {
            let start = self.arena.len();
            self.arena.resize(start + self.least - length, 0);
            self.parts.push(Part::Arena(start..self.arena.len()));
            length = self.least;
        }
        self.frames.push(Entry { parts: first..self.parts.len(), length, metadata });
        self.bytes += length;
    }

    /// Adds a frame that lies in host memory.
    pub fn push_bytes(&mut self, frame: &[u8], metadata: Metadata) {
        self.push(frame, &Gather::default(), 0..0, metadata);
    }

    /// The same frames, with all their bytes in the arena. One whose memory is gone is left out.
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

    /// Its stretches in order.
    pub fn parts(&self) -> &'b [Part] {
        &self.batch.parts[self.entry.parts.clone()]
    }

    /// The arena bytes of a [`Part::Arena`] of this frame.
    pub fn arena(&self, range: &Range<usize>) -> &'b [u8] {
        &self.batch.arena[range.clone()]
    }

    /// Copies the front of the frame, as far as it fits; answers how many bytes that is.
    pub fn copy_front(&self, memory: &DmaMemory, out: &mut [u8]) -> Result<usize, DmaError> {
        let mut done = 0;
        for part in self.parts() {
            let rest = out.get_mut(done..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            done += match part {
                Part::Arena(range) => {
                    let bytes = self.arena(range);
                    let count = bytes.len().min(rest.len());
                    rest[..count].copy_from_slice(&bytes[..count]);
                    count
                }
                Part::Guest(piece) => {
                    let count = piece.length.min(rest.len());
                    memory.read(piece.address, &mut rest[..count])?;
                    count
                }
            };
        }
        Ok(done)
    }

    /// Appends the whole frame to `out`.
    pub fn copy_to(&self, memory: &DmaMemory, out: &mut Vec<u8>) -> Result<(), DmaError> {
        for part in self.parts() {
            match part {
                Part::Arena(range) => out.extend_from_slice(self.arena(range)),
                Part::Guest(piece) => {
                    let start = out.len();
                    out.resize(start + piece.length, 0);
                    memory.read(piece.address, &mut out[start..])?;
                }
            }
        }
        Ok(())
    }
}
