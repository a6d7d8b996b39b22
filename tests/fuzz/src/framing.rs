//! Bytes of a peer on a stream: frames of a NIC's backend, and the control protocol of a guest.
//!
//! The first byte picks which. The rest comes in pieces, each a byte that says how long it is and
//! then itself. What must hold:
//!
//! - frames come out as the bytes have them, whatever pieces they come in: they are compared with
//!   those found by a plain look at all bytes at once;
//! - a length that cannot be ends the stream, and nothing behind it comes out;
//! - no message is longer than messages can be, and one that is sent again is the same.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use devices::net::framing::{FrameReader, FrameWriter, Lost, MAX_FRAME, MIN_FRAME, PREFIX};
use guest_init::protocol::{self, Kind, MAX_PAYLOAD, Received, encode};

use crate::Input;

/// Lives through the bytes of `data`.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() {
        Some(choice) if choice & 1 == 0 => frames(&mut input, choice & 2 != 0),
        Some(choice) => messages(&mut input, choice & 2 != 0),
        None => {}
    }
}

/// The next piece.
fn piece(input: &mut Input<'_>) -> Option<Vec<u8>> {
    let length = input.byte()?;
    if length != u8::MAX {
        return Some(input.bytes(length.into()).to_vec());
    }
    // A long one, of a frame's length and one byte over and over.
    let length = u32::from(input.u16()) << 1;
    let filler = input.byte().unwrap_or_default();
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.resize(PREFIX + length as usize, filler);
    Some(bytes)
}

/// What a plain look finds: the frames worth showing, and whether the stream is of no more use.
fn plain(mut bytes: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut frames = Vec::new();
    while let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() {
        let length = u32::from_be_bytes(*prefix) as usize;
        if length == 0 || length > MAX_FRAME {
            return (frames, true);
        }
        let Some((frame, rest)) = rest.split_at_checked(length) else { break };
        if length >= MIN_FRAME {
            frames.push(frame);
        }
        bytes = rest;
    }
    (frames, false)
}

fn frames(input: &mut Input<'_>, lazy: bool) {
    let (ours, mut theirs) = UnixStream::pair().expect("there are sockets");
    theirs.set_nonblocking(true).expect("a socket need not wait");
    let (mut reader, mut writer) = (FrameReader::default(), FrameWriter::default());
    let (mut sent, mut seen) = (Vec::new(), Vec::new());
    let mut lost = None;
    while let Some(piece) = piece(input) {
        // What the socket has no room for, nobody sent.
        let taken = theirs.write(&piece).unwrap_or_default();
        sent.extend_from_slice(&piece[..taken]);
        if lazy && input.byte().is_some_and(|choice| choice & 1 == 0) {
            continue;
        }
        lost = lost.or(drain(&mut reader, &ours, &mut seen));
    }
    lost = lost.or(drain(&mut reader, &ours, &mut seen)).or(drain(&mut reader, &ours, &mut seen));
    let (expected, useless) = plain(&sent);
    assert!(seen.iter().map(Vec::as_slice).eq(expected), "other frames than were sent");
    assert_eq!(useless, lost.is_some(), "{lost:?}");
    // And back: what is written is read.
    for frame in &seen {
        writer.push(frame);
    }
    let _ = writer.flush(ours.as_fd());
    let mut reader = FrameReader::default();
    let mut again = Vec::new();
    while let (before, None) = (again.len(), drain(&mut reader, &theirs, &mut again)) {
        let flushed = writer.flush(ours.as_fd());
        if before == again.len() && flushed == Ok(devices::net::Sent::All) {
            break;
        }
    }
    assert_eq!(again, seen, "what was written comes back as something else");
}

fn drain(reader: &mut FrameReader, socket: &UnixStream, seen: &mut Vec<Vec<u8>>) -> Option<Lost> {
    loop {
        match reader.peek(socket.as_fd()) {
            Ok(Some(frame)) => seen.push(frame.to_vec()),
            Ok(None) => return None,
            Err(lost) => return Some(lost),
        }
        reader.consume();
    }
}

/// Gives its pieces one after the other.
struct Pieces<'i, 'b>(&'i mut Input<'b>);

impl Read for Pieces<'_, '_> {
    fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = piece(self.0) {
            if !piece.is_empty() {
                let count = piece.len().min(data.len());
                data[..count].copy_from_slice(&piece[..count]);
                return Ok(count);
            }
        }
        Ok(0)
    }
}

/// A message made of the input, encoded, and everything that comes after it as it is.
fn messages(input: &mut Input<'_>, well_formed: bool) {
    let mut wire = Vec::new();
    if well_formed {
        let kind = input.pick(&KINDS);
        let length = usize::from(input.u16()) % (MAX_PAYLOAD + 1);
        let mut payload = input.bytes(length.min(64)).to_vec();
        payload.resize(length, 7);
        wire = encode(kind, input.u32(), &payload, length.is_multiple_of(2));
        if let (Some(place), Some(bits)) = (wire.get_mut(usize::from(input.u16())), input.byte()) {
            *place ^= bits;
        }
    }
    let mut reader = protocol::FrameReader::new(wire.as_slice().chain(Pieces(input)));
    while let Ok(received) = reader.receive() {
        match received {
            Received::End => break,
            Received::Garbage => {}
            Received::Frame(message) => {
                assert!(message.payload.len() <= MAX_PAYLOAD, "a payload that is too long");
                let wire = encode(message.kind, message.id, &message.payload, true);
                let again = protocol::FrameReader::new(wire.as_slice()).receive();
                assert_eq!(again.ok(), Some(Received::Frame(message)));
            }
        }
    }
}

const KINDS: [Kind; 10] = [
    Kind::Hello,
    Kind::Request,
    Kind::Stdin,
    Kind::Ready,
    Kind::Stdout,
    Kind::Stderr,
    Kind::Exited,
    Kind::Done,
    Kind::Failed,
    Kind::Credit,
];
