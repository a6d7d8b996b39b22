//! Memory for rings and buffers, and what the compiler needs to move bytes.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

/// Where free memory starts: above the image, which ends below 4 MiB.
static NEXT: AtomicU64 = AtomicU64::new(0x40_0000);

/// `length` bytes at a page boundary, zero as the machine made them; they are never given back.
pub fn allocate(length: usize) -> u64 {
    NEXT.fetch_add((length as u64).next_multiple_of(4096), Ordering::Relaxed)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller's duty.
    unsafe {
        asm!("rep movsb", inout("rcx") length => _, inout("rdi") to => _, inout("rsi") from => _,
             options(nostack, preserves_flags));
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: u32, length: usize) -> *mut u8 {
    // SAFETY: the caller's duty.
    unsafe {
        asm!("rep stosb", inout("rcx") length => _, inout("rdi") to => _, in("al") value as u8,
             options(nostack, preserves_flags));
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    let backwards = (to as usize).wrapping_sub(from as usize) < length;
    if !backwards {
        // SAFETY: the caller's duty; bytes are read before they are overwritten.
        return unsafe { memcpy(to, from, length) };
    }
    for index in (0..length).rev() {
        // SAFETY: the caller's duty.
        unsafe { to.add(index).write_volatile(from.add(index).read_volatile()) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    for index in 0..length {
        // SAFETY: the caller's duty. Volatile, lest the loop be made a call of this function.
        let (l, r) = unsafe { (left.add(index).read_volatile(), right.add(index).read_volatile()) };
        if l != r {
            return i32::from(l) - i32::from(r);
        }
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    // SAFETY: the caller's duty.
    unsafe { memcmp(left, right, length) }
}
