//! Frames: how one message is put on the byte stream and found in it again.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// Longest payload of one frame.
pub const MAX_PAYLOAD: usize = 16 * 1024;

const HEADER: usize = 1 + 4;
const CHECKSUM: usize = 4;
/// Longest encoded frame: COBS adds one byte in 254 and one more.
const MAX_ENCODED: usize =
    MAX_PAYLOAD + HEADER + CHECKSUM + (MAX_PAYLOAD + HEADER + CHECKSUM) / 254 + 2;

/// Bytes that a reader asks for at a time.
const READ_SIZE: usize = 64 * 1024;
/// Bit of the kind byte: the payload is compressed (deflate).
const COMPRESSED: u8 = 0x40;
/// Shorter payloads are not worth the try.
const WORTH_COMPRESSING: usize = 128;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Host: is anybody there? The id is the session's number.
    Hello = 1,
    /// Host: a [`Request`](super::Request) as JSON.
    Request = 2,
    /// Host: data for the standard input of a command or for a file; empty ends it.
    Stdin = 3,
    /// Guest: a [`Ready`](super::Ready) as JSON.
    Ready = 0x81,
    /// Guest: output of a command.
    Stdout = 0x82,
    /// Guest: error output of a command.
    Stderr = 0x83,
    /// Guest: a command ended; a [`Status`](super::Status) in five bytes.
    Exited = 0x84,
    /// Guest: a request was carried out.
    Done = 0x85,
    /// Guest: a request failed; the reason as text.
    Failed = 0x86,
    /// Guest: that many bytes (u32, little endian) of standard input were taken.
    Credit = 0x87,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{Credit, Done, Exited, Failed, Hello, Ready, Request, Stderr, Stdin, Stdout};
        [Hello, Request, Stdin, Ready, Stdout, Stderr, Exited, Done, Failed, Credit]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it says.
    pub kind: Kind,
    /// Which request it belongs to.
    pub id: u32,
    /// At most [`MAX_PAYLOAD`] bytes.
    pub payload: Vec<u8>,
}

/// Bytes to send for one message. Payload beyond [`MAX_PAYLOAD`] is the caller's mistake: the
/// receiver will drop the frame. If `compressing`, a payload that gets shorter by it is compressed.
pub fn encode(kind: Kind, id: u32, payload: &[u8], compressing: bool) -> Vec<u8> {
    debug_assert!(payload.len() <= MAX_PAYLOAD, "{} bytes in one frame", payload.len());
    let compressed = if compressing { compress(payload) } else { None };
    let mut plain = Vec::with_capacity(HEADER + payload.len() + CHECKSUM);
    plain.push(kind as u8 | compressed.as_ref().map_or(0, |_| COMPRESSED));
    plain.extend_from_slice(&id.to_le_bytes());
    plain.extend_from_slice(compressed.as_deref().unwrap_or(payload));
    plain.extend_from_slice(&crc32fast::hash(&plain).to_le_bytes());
    let mut wire = Vec::with_capacity(plain.len() + plain.len() / 254 + 3);
    if matches!(kind, Kind::Hello | Kind::Ready) {
        wire.push(0); // ends whatever a former peer left unfinished
    }
    wire.extend_from_slice(&cobs::encode_vec(&plain));
    wire.push(0);
    wire
}

fn decode(wire: &[u8]) -> Option<Frame> {
    let plain = cobs::decode_vec(wire).ok()?;
    let (body, checksum) = plain.split_last_chunk::<CHECKSUM>()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (kind, rest) = body.split_first()?;
    let (id, payload) = rest.split_first_chunk::<4>()?;
    let payload = if kind & COMPRESSED == 0 { payload.to_vec() } else { decompress(payload)? };
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    let kind = Kind::from_byte(kind & !COMPRESSED)?;
    Some(Frame { kind, id: u32::from_le_bytes(*id), payload })
}

/// `None` where that makes nothing shorter.
fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() < WORTH_COMPRESSING {
        return None;
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(payload).ok()?;
    encoder.finish().ok().filter(|compressed| compressed.len() < payload.len())
}

/// Gives up on what is longer than a payload may be.
fn decompress(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut payload = Vec::new();
    let mut decoder = DeflateDecoder::new(compressed).take(MAX_PAYLOAD as u64 + 1);
    decoder.read_to_end(&mut payload).ok()?;
    Some(payload)
}

/// What the stream gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A whole message.
    Frame(Frame),
    /// Bytes that are no frame: noise before the session, or data that was lost in one.
    Garbage,
    /// The peer is gone.
    End,
}

/// Finds frames in a byte stream.
#[derive(Debug)]
pub struct FrameReader<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    partial: Vec<u8>,
    too_long: bool,
}

impl<R: Read> FrameReader<R> {
    /// A reader at the start of a stream, or anywhere in it.
    pub fn new(source: R) -> Self {
        let buffer = vec![0; READ_SIZE];
        Self { source, buffer, start: 0, end: 0, partial: Vec::new(), too_long: false }
    }

    /// Waits for the next message.
    pub fn receive(&mut self) -> io::Result<Received> {
        loop {
            while let Some(piece) = self.take_until_zero() {
                if piece {
                    let wire = std::mem::take(&mut self.partial);
                    if std::mem::take(&mut self.too_long) {
                        return Ok(Received::Garbage);
                    }
                    if wire.is_empty() {
                        continue;
                    }
                    return Ok(decode(&wire).map_or(Received::Garbage, Received::Frame));
                }
            }
            match self.source.read(&mut self.buffer) {
                Ok(0) => return Ok(Received::End),
                Ok(read) => (self.start, self.end) = (0, read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves buffered bytes to `partial`: `None` if there are none, `Some(true)` at a zero byte.
    fn take_until_zero(&mut self) -> Option<bool> {
        let bytes = self.buffer.get(self.start..self.end).filter(|bytes| !bytes.is_empty())?;
        let zero = bytes.iter().position(|byte| *byte == 0);
        let piece = bytes.get(..zero.unwrap_or(bytes.len())).unwrap_or_default();
        if self.partial.len() + piece.len() > MAX_ENCODED {
            self.too_long = true;
            self.partial.clear();
        } else if !self.too_long {
            self.partial.extend_from_slice(piece);
        }
        self.start += piece.len() + usize::from(zero.is_some());
        Some(zero.is_some())
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
