//! Accesses as QEMU's model takes them: each register by the widths it has a handler for.
//!
//! An access falls apart into naturally aligned pieces of at most four bytes. A piece that has no
//! handler falls apart into bytes; a byte that has none reads as zero and is lost on a write. So a
//! driver that uses an unusual width meets a different NIC than on the chip. Measured.

use super::register_file::{Registers, Write};

/// The widest piece.
const WIDEST: usize = 4;

/// Whether reads of `width` bytes at `offset` have a handler.
fn reads(offset: u8, width: usize) -> bool {
    match width {
        1 => matches!(
            offset,
            0x00..=0x1f | 0x37 | 0x43 | 0x50..=0x52 | 0x58..=0x5b | 0x5e | 0xd8 | 0xec
        ),
        2 => matches!(
            offset,
            0x20..=0x2f
                | 0x38
                | 0x3a
                | 0x3c
                | 0x3e
                | 0x5c
                | 0x60
                | 0x62
                | 0x64
                | 0x66
                | 0x68
                | 0x6a
                | 0x74
                | 0xe0
                | 0xe2
        ),
        _ => matches!(offset, 0x10..=0x30 | 0x40 | 0x44 | 0x48 | 0x4c | 0x54 | 0xe4 | 0xe8),
    }
}

/// Whether writes of `width` bytes at `offset` have a handler.
fn writes(offset: u8, width: usize) -> bool {
    match width {
        1 => matches!(
            offset,
            0x00..=0x05
                | 0x08..=0x0f
                | 0x37 | 0x40 | 0x50..=0x52 | 0x59..=0x5b | 0xd8 | 0xd9 | 0xec
        ),
        2 => matches!(
            offset,
            0x38 | 0x3c | 0x3e | 0x5c | 0x62 | 0x64 | 0x66 | 0x68 | 0x6a | 0xe0 | 0xe2
        ),
        _ => matches!(offset, 0x10..=0x30 | 0x40 | 0x44 | 0x48 | 0x4c | 0x54 | 0xe4 | 0xe8),
    }
}

/// Goes through the pieces of an access that have a handler of their own: their place in the
/// register file and in the access, and their width.
fn pieces(
    offset: u64,
    length: usize,
    handled: fn(u8, usize) -> bool,
    mut take: impl FnMut(u8, usize, usize),
) {
    let mut done = 0;
    while done < length {
        let Some(at) = offset.checked_add(done as u64).and_then(|at| u8::try_from(at).ok()) else {
            return;
        };
        let mut width = WIDEST;
        while width > length - done || usize::from(at) % width != 0 {
            width /= 2;
        }
        if handled(at, width) {
            take(at, done, width);
        } else {
            for byte in 0..width {
                let place = at + byte as u8;
                if handled(place, 1) {
                    take(place, done + byte, 1);
                }
            }
        }
        done += width;
    }
}

/// Answers a read.
pub fn read(registers: &Registers, offset: u64, data: &mut [u8]) {
    data.fill(0);
    pieces(offset, data.len(), reads, |at, from, width| {
        if let Some(piece) = data.get_mut(from..from + width) {
            registers.read(u64::from(at), piece);
        }
    });
}

/// Hands on what is left of a write, in order.
pub fn write(offset: u64, data: &[u8], mut written: impl FnMut(Write)) {
    pieces(offset, data.len(), writes, |at, from, width| {
        let piece = data.get(from..from + width).unwrap_or_default();
        Registers::split(u64::from(at), piece).for_each(&mut written);
    });
}

#[cfg(test)]
#[path = "exact_tests.rs"]
mod tests;
