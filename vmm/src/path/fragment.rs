//! Fragmentation of IPv4 packets (RFC 791, section 3.2).

use devices::ethernet::checksum::Sum;

use super::wire::word;

/// Bytes of a header without options; of the longest one.
const HEADER: usize = 20;
const HEADER_MAX: usize = 60;
/// Fragment offsets count eight bytes.
const UNIT: usize = 8;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;
/// An option with this bit goes into every fragment.
const COPIED: u8 = 0x80;
const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;

/// An IPv4 header on the stack.
#[derive(Clone, Copy)]
struct Header {
    bytes: [u8; HEADER_MAX],
    length: usize,
}

/// Cuts a packet whose header was checked, and hands each piece on as header and payload. Answers
/// the number of pieces. `mtu` has room for the header and eight bytes.
pub(super) fn split(packet: &[u8], mtu: usize, mut emit: impl FnMut(&[u8], &[u8])) -> u64 {
    let Some((first, payload)) = header(packet) else { return 0 };
    let rest = without_local_options(&first);
    let flags = word(&first.bytes, 6).unwrap_or_default();
    let (mut at, mut count) = (0, 0);
    while at < payload.len() {
        let template = if at == 0 { &first } else { &rest };
        let room = mtu.saturating_sub(template.length) / UNIT * UNIT;
        let left = payload.len() - at;
        let length = if left <= mtu.saturating_sub(template.length) { left } else { room };
        if length == 0 {
            return count;
        }
        let last = at + length == payload.len();
        let more = if last { flags & MORE_FRAGMENTS } else { MORE_FRAGMENTS };
        let offset = (flags & OFFSET) + (at / UNIT) as u16;
        let piece = finish(*template, length, more | (offset & OFFSET));
        emit(&piece.bytes[..piece.length], &payload[at..at + length]);
        at += length;
        count += 1;
    }
    count
}

fn header(packet: &[u8]) -> Option<(Header, &[u8])> {
    let length = usize::from(packet.first()? & 0x0f) * 4;
    let (header, payload) = packet.split_at_checked(length).filter(|_| length >= HEADER)?;
    let mut bytes = [0; HEADER_MAX];
    bytes.get_mut(..length)?.copy_from_slice(header);
    Some((Header { bytes, length }, payload))
}

/// The header of every fragment but the first.
fn without_local_options(first: &Header) -> Header {
    let mut rest = Header { bytes: [0; HEADER_MAX], length: HEADER };
    rest.bytes[..HEADER].copy_from_slice(&first.bytes[..HEADER]);
    let mut at = HEADER;
    while at < first.length && first.bytes[at] != OPTION_END {
        let kind = first.bytes[at];
        let length = match kind {
            OPTION_NOP => 1,
            _ if at + 1 < first.length => usize::from(first.bytes[at + 1]),
            _ => break,
        };
        if length == 0 || at + length > first.length {
            break;
        }
        if kind & COPIED != 0 {
            rest.bytes[rest.length..rest.length + length]
                .copy_from_slice(&first.bytes[at..at + length]);
            rest.length += length;
        }
        at += length;
    }
    rest.length = rest.length.next_multiple_of(4);
    rest.bytes[0] = 0x40 | (rest.length / 4) as u8;
    rest
}

fn finish(mut header: Header, payload: usize, flags: u16) -> Header {
    let total = (header.length + payload) as u16;
    header.bytes[2..4].copy_from_slice(&total.to_be_bytes());
    header.bytes[6..8].copy_from_slice(&flags.to_be_bytes());
    header.bytes[10..12].fill(0);
    let mut sum = Sum::default();
    sum.add(&header.bytes[..header.length]);
    header.bytes[10..12].copy_from_slice(&sum.finish().to_be_bytes());
    header
}

#[cfg(test)]
#[path = "fragment_tests.rs"]
mod tests;
