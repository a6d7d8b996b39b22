//! What a router does to TCP: look how much a segment carries, and lower the MSS of a SYN.

use super::wire::{adjust, word};

/// Offset of the data offset, of the flags, of the checksum.
const DATA_OFFSET: usize = 12;
const FLAGS: usize = 13;
const CHECKSUM: usize = 16;
/// Bytes of a header without options.
const HEADER: usize = 20;
const SYN: u8 = 2;
const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_MSS: u8 = 2;
const OPTION_MSS_LENGTH: u8 = 4;

/// Length of the header, if it is all there.
fn header(segment: &[u8]) -> Option<usize> {
    let length = usize::from(segment.get(DATA_OFFSET)? >> 4) * 4;
    (HEADER..=segment.len()).contains(&length).then_some(length)
}

/// Bytes of payload.
pub(super) fn payload(segment: &[u8]) -> Option<usize> {
    Some(segment.len() - header(segment)?)
}

/// Lowers the MSS of a SYN to `most`. Answers whether it did.
pub(super) fn clamp(segment: &mut [u8], most: u16) -> bool {
    clamped(segment, most).is_some()
}

fn clamped(segment: &mut [u8], most: u16) -> Option<()> {
    let end = header(segment).filter(|_| segment[FLAGS] & SYN != 0)?;
    let at = find_mss(&segment[..end])?;
    let old = word(segment, at).filter(|mss| *mss > most)?;
    let checksum = word(segment, CHECKSUM)?;
    // A word at an odd place is swapped as far as the sum is concerned.
    let turn = |value: u16| if at % 2 == 0 { value } else { value.swap_bytes() };
    let checksum = adjust(checksum, turn(old), turn(most));
    segment[at..at + 2].copy_from_slice(&most.to_be_bytes());
    segment[CHECKSUM..CHECKSUM + 2].copy_from_slice(&checksum.to_be_bytes());
    Some(())
}

/// Where the value of the MSS option is in `header`.
fn find_mss(header: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    while let Some(kind) = header.get(at) {
        match *kind {
            OPTION_END => return None,
            OPTION_NOP => at += 1,
            kind => {
                let length = *header.get(at + 1)?;
                let next = at + usize::from(length);
                if kind == OPTION_MSS && length == OPTION_MSS_LENGTH && next <= header.len() {
                    return Some(at + 2);
                }
                if length < 2 {
                    return None;
                }
                at = next;
            }
        }
    }
    None
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
