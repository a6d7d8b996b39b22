//! Frames as a driver hands them over: behind a virtio header, in guest memory.

use super::{BUFFERS, Driver};
use crate::ethernet::checksum::Sum;
use crate::ethernet::testing::{Spec, pattern};
use crate::virtio::VirtioDevice;

/// A virtio-net header.
pub fn header(flags: u8, gso: u8, size: u16, start: u16, offset: u16) -> Vec<u8> {
    let mut bytes = vec![flags, gso, 0, 0];
    for word in [size, start, offset, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

/// Writes `bytes` at [`BUFFERS`] and returns buffers that cover them, each at most `piece` long.
pub fn place<D: VirtioDevice>(driver: &Driver<D>, bytes: &[u8], piece: usize) -> Vec<(u64, u32)> {
    driver.put(BUFFERS, bytes);
    let starts = (0..bytes.len()).step_by(piece);
    starts.map(|at| (BUFFERS + at as u64, piece.min(bytes.len() - at) as u32)).collect()
}

/// A frame that asks for nothing.
pub fn plain(payload: usize) -> Vec<u8> {
    [header(0, 0, 0, 0, 0), pattern(payload)].concat()
}

/// A TCP frame whose checksum is left open as Linux leaves it: the field, at 34 + 16, holds the
/// sum of the pseudo-header.
pub fn open_checksum(payload: &[u8]) -> Vec<u8> {
    let mut frame = Spec { payload: payload.to_vec(), ..Spec::default() }.build();
    frame[24..26].fill(0);
    let mut sum = Sum::default();
    sum.add(&frame[14..34]);
    frame[24..26].copy_from_slice(&sum.finish().to_be_bytes());
    let mut sum = Sum::default();
    sum.add(&frame[26..34]);
    sum.add_u16(6);
    sum.add_u16(20 + payload.len() as u16);
    frame[50..52].copy_from_slice(&(!sum.finish()).to_be_bytes());
    frame
}
