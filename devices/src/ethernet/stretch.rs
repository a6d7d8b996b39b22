//! The sum of a stretch of memory, ours or a guest's, as wide as the CPU goes.
//!
//! A guest may change its memory meanwhile: by the letter that is a race, in which the compiler may read
//! twice what was written once. Nothing but the sum comes of what is read, and nothing is decided by it, so that
//! only that guest's frame is harmed.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_loadu_si256, _mm256_set1_epi64x,
    _mm256_setzero_si256, _mm256_srli_epi64,
};
use std::mem;

/// Bytes of a vector.
const WIDE: usize = size_of::<__m256i>();
/// The lower half of a word.
const LOW: u64 = 0xffff_ffff;
/// The most vectors of one sum: far fewer than make the sum of halves overflow.
const MOST: usize = 1 << 25;

/// Mapped memory.
pub(super) struct Stretch {
    at: *const u8,
    length: usize,
}

impl Stretch {
    /// The `length` bytes at `at`.
    ///
    /// # Safety
    /// They stay mapped for as long as the value lives.
    pub(super) unsafe fn new(at: *const u8, length: usize) -> Self {
        Self { at, length }
    }

    /// The sum of its little-endian 16-bit words, whose carries are still to be added up. A byte at the
    /// end is a word with a zero.
    pub(super) fn sum(mut self) -> u64 {
        let mut total = 0;
        while self.length >= 2 * WIDE && is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU has AVX2.
            total += halves(unsafe { self.wide() });
        }
        while let Some(word) = self.take() {
            total += halves(u64::from_le_bytes(word));
        }
        while let Some(word) = self.take() {
            total += u64::from(u16::from_le_bytes(word));
        }
        total + self.take().map_or(0, |[byte]| u64::from(byte))
    }

    /// Takes bytes off the front, if there are as many.
    fn take<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        self.length = self.length.checked_sub(COUNT)?;
        // SAFETY: the stretch had as many bytes; an array of bytes is always aligned.
        let bytes = unsafe { self.at.cast::<[u8; COUNT]>().read_volatile() };
        self.at = self.at.wrapping_add(COUNT);
        Some(bytes)
    }

    /// Takes all whole vectors off the front, up to a cap; answers the sum of their halves.
    #[target_feature(enable = "avx2")]
    fn wide(&mut self) -> u64 {
        let low = _mm256_set1_epi64x(LOW as i64);
        // Two chains of additions, so that one need not wait for the other.
        let (mut first, mut second) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        let count = (self.length / WIDE).min(MOST);
        for _ in 0..count {
            // SAFETY: there are as many; they need no alignment.
            let vector = unsafe { _mm256_loadu_si256(self.at.cast()) };
            self.at = self.at.wrapping_add(WIDE);
            first = _mm256_add_epi64(first, _mm256_and_si256(vector, low));
            second = _mm256_add_epi64(second, _mm256_srli_epi64::<32>(vector));
        }
        self.length -= count * WIDE;
        // SAFETY: both are 32 bytes, of which any make a value.
        let lanes: [u64; 4] = unsafe { mem::transmute(_mm256_add_epi64(first, second)) };
        lanes.iter().sum()
    }
}

/// The sum of a word's halves, which has the same sum of 16-bit words.
fn halves(word: u64) -> u64 {
    (word & LOW) + (word >> 32)
}
