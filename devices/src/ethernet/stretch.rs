//! The sum of a stretch of memory, ours or a guest's, as wide as the CPU goes.
//!
//! A guest may change its memory meanwhile, so accesses are volatile and each byte is read once: the sum
//! is of what was there at some time, and if that was no one time, only that guest's frame is harmed.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_set1_epi64x, _mm256_setzero_si256,
    _mm256_srli_epi64,
};
use std::{mem, ptr};

/// Bytes of a vector.
const WIDE: usize = size_of::<__m256i>();
/// Bytes of a word.
const WORD: usize = size_of::<u64>();
/// The lower half of a word.
const LOW: u64 = 0xffff_ffff;
/// The most bytes of one sum: far fewer than make the sum of halves overflow.
const MOST: usize = 1 << 30;

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

    /// Shows the sums of its pieces in order, and how long each is: sums of little-endian words, whose
    /// 16-bit parts are still to be added up.
    pub(super) fn sums(mut self, mut show: impl FnMut(u64, usize)) {
        while self.length > 0 {
            let ragged = self.at.align_offset(WORD);
            if ragged > 0 || self.length < WORD {
                let count = if ragged > 0 { ragged } else { WORD };
                let count = count.min(self.length);
                show(self.bytes(count), count);
            } else if is_x86_feature_detected!("avx2") && self.length >= 2 * WIDE {
                let count = self.length.min(MOST) / WORD * WORD;
                // SAFETY: the CPU has AVX2.
                show(unsafe { self.wide(count) }, count);
            } else {
                let count = self.length.min(MOST) / WORD * WORD;
                show(self.words(count), count);
            }
        }
    }

    /// Takes `T` off the front.
    ///
    /// # Safety
    /// It is that long, and aligned for a `T`, of which any bytes make a value.
    unsafe fn take<T>(&mut self) -> T {
        // SAFETY: the caller's word, and that of who made this.
        let value = unsafe { ptr::read_volatile(self.at.cast()) };
        self.at = self.at.wrapping_add(size_of::<T>());
        self.length -= size_of::<T>();
        value
    }

    /// The sum of the first `count` bytes, of which there are as many.
    fn bytes(&mut self, count: usize) -> u64 {
        // SAFETY: there are as many, and a byte is always aligned.
        let byte = |_| u64::from(unsafe { self.take::<u8>() });
        (0..count).map(byte).enumerate().map(|(index, byte)| byte << (8 * (index & 1))).sum()
    }

    /// The sum of the first `count` bytes, of which there are as many, in words from an aligned one on.
    fn words(&mut self, count: usize) -> u64 {
        let mut total = 0;
        for _ in 0..count / WORD {
            // SAFETY: there are as many, and all words after an aligned one are aligned.
            let word = u64::from_le(unsafe { self.take() });
            total += (word & LOW) + (word >> 32);
        }
        total
    }

    /// The same in vectors.
    #[target_feature(enable = "avx2")]
    fn wide(&mut self, count: usize) -> u64 {
        let ragged = self.at.align_offset(WIDE);
        let mut total = self.words(ragged);
        let low = _mm256_set1_epi64x(LOW as i64);
        // Two chains of additions, so that one need not wait for the other.
        let (mut first, mut second) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        for _ in 0..(count - ragged) / WIDE {
            // SAFETY: there are as many, and all vectors after an aligned one are aligned.
            let vector = unsafe { self.take::<__m256i>() };
            first = _mm256_add_epi64(first, _mm256_and_si256(vector, low));
            second = _mm256_add_epi64(second, _mm256_srli_epi64::<32>(vector));
        }
        // SAFETY: both are 32 bytes, of which any make a value.
        let lanes: [u64; 4] = unsafe { mem::transmute(_mm256_add_epi64(first, second)) };
        total += lanes.iter().sum::<u64>();
        total + self.words((count - ragged) % WIDE)
    }
}
