//! The Internet checksum (RFC 1071), over plain bytes and over guest memory.

use vm_memory::{VolatileSlice, bitmap::BitmapSlice};

/// A one's-complement sum in progress. Pieces of any length may be added one after the other: the
/// sum remembers whether the next byte is the high or the low half of its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Sum of the words so far, in host byte order of little-endian loads, unfolded.
    total: u64,
    /// Whether an odd number of bytes was added so far.
    odd: bool,
}

impl Sum {
    /// Adds bytes, up to 8 GiB at once.
    pub fn add(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut total = 0u64;
        for word in words {
            let word = u64::from_le_bytes(*word);
            total += (word & 0xffff_ffff) + (word >> 32);
        }
        for (index, byte) in rest.iter().enumerate() {
            total += u64::from(*byte) << (8 * (index & 1));
        }
        self.join(total, bytes.len());
    }

    /// Adds guest memory, which may change while it is read.
    pub fn add_volatile<B: BitmapSlice>(&mut self, slice: &VolatileSlice<'_, B>) {
        let mut buffer = [0u8; 2048];
        let mut offset = 0;
        while offset < slice.len() {
            let take = buffer.len().min(slice.len() - offset);
            if let Ok(part) = slice.subslice(offset, take) {
                part.copy_to(&mut buffer[..take]);
            }
            self.add(&buffer[..take]);
            offset += take;
        }
    }

    /// Adds a big-endian word that stands at an even offset.
    pub fn add_u16(&mut self, word: u16) {
        self.add(&word.to_be_bytes());
    }

    /// Appends another sum, whose first byte follows the last one here.
    pub fn append(&mut self, other: Sum) {
        let folded = u64::from(fold(other.total));
        self.join(folded, usize::from(other.odd));
    }

    fn join(&mut self, total: u64, length: usize) {
        let folded = fold(total);
        let folded = if self.odd { folded.swap_bytes() } else { folded };
        self.total = u64::from(fold(self.total)) + u64::from(folded);
        self.odd ^= length % 2 == 1;
    }

    /// The checksum: the complement of the folded sum, as the number that goes into a header in
    /// network byte order.
    pub fn finish(self) -> u16 {
        !fold(self.total).swap_bytes()
    }
}

fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

#[cfg(test)]
#[path = "checksum_tests.rs"]
mod tests;
