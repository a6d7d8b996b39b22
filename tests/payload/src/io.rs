//! Ports and memory-mapped registers.

use core::arch::asm;

macro_rules! port {
    ($read:ident, $write:ident, $type:ty, $register:tt) => {
        /// Reads a port.
        pub fn $read(port: u16) -> $type {
            let value;
            // SAFETY: what devices do to memory, they do to memory that is reached by volatile
            // accesses only.
            unsafe {
                asm!(concat!("in ", $register, ", dx"), in("dx") port, out($register) value,
                     options(nostack, preserves_flags));
            }
            value
        }

        /// Writes a port.
        pub fn $write(port: u16, value: $type) {
            // SAFETY: as for reads.
            unsafe {
                asm!(concat!("out dx, ", $register), in("dx") port, in($register) value,
                     options(nostack, preserves_flags));
            }
        }
    };
}

port!(in8, out8, u8, "al");
port!(in32, out32, u32, "eax");

/// Writes a port.
pub fn out16(port: u16, value: u16) {
    // SAFETY: as for the others.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack, preserves_flags)) }
}

/// Reads a port as often as there are bytes, by one instruction.
pub fn in8_string(port: u16, bytes: &mut [u8]) {
    // SAFETY: the instruction writes as many bytes as the slice has.
    unsafe {
        asm!("rep insb", in("dx") port, inout("rdi") bytes.as_mut_ptr() => _,
             inout("rcx") bytes.len() => _, options(nostack, preserves_flags));
    }
}

/// Writes a port as often as there are words, by one instruction.
pub fn out16_string(port: u16, words: &[u16]) {
    // SAFETY: the instruction reads as many words as the slice has.
    unsafe {
        asm!("rep outsw", in("dx") port, inout("rsi") words.as_ptr() => _,
             inout("rcx") words.len() => _, options(nostack, readonly, preserves_flags));
    }
}

/// Reads a register or a word that a device may write.
pub fn read<T: Copy>(address: u64) -> T {
    // SAFETY: the first 4 GiB are mapped, and nothing that Rust knows of lies where it is not told.
    unsafe { (address as *const T).read_volatile() }
}

/// Writes a register or a word that a device may read.
pub fn write<T: Copy>(address: u64, value: T) {
    // SAFETY: as for reads; the caller hands out addresses of devices and of `memory` only.
    unsafe { (address as *mut T).write_volatile(value) }
}
