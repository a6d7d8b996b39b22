//! The Internet checksum (RFC 1071), over plain bytes and over guest memory.

use vm_memory::{VolatileSlice, bitmap::BitmapSlice};

use super::stretch::Stretch;

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
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        // SAFETY: they are borrowed until this returns.
        #[allow(unsafe_code)]
        let stretch = unsafe { Stretch::new(bytes.as_ptr(), bytes.len()) };
        self.join(stretch.sum(), bytes.len());
    }

    /// Adds guest memory, which may change while it is read.
    pub fn add_volatile<B: BitmapSlice>(&mut self, slice: &VolatileSlice<'_, B>) {
        let guard = slice.ptr_guard();
        // SAFETY: the slice is mapped while it is borrowed.
        #[allow(unsafe_code)]
        let stretch = unsafe { Stretch::new(guard.as_ptr(), slice.len()) };
        self.join(stretch.sum(), slice.len());
    }

    /// Adds a word of a header, which stands at an even offset. A few thousand at most: they are not
    /// folded.
    pub fn add_u16(&mut self, word: u16) {
        self.total += u64::from(word.swap_bytes());
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

/// Adds the 16-bit words of `total`, carries included.
fn fold(total: u64) -> u16 {
    let total = (total & 0xffff_ffff) + (total >> 32);
    let total = (total & 0xffff) + (total >> 16 & 0xffff) + (total >> 32);
    let total = (total & 0xffff) + (total >> 16);
    ((total & 0xffff) + (total >> 16)) as u16
}

#[cfg(test)]
#[path = "checksum_tests.rs"]
mod tests;
