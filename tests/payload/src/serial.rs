//! The first serial port, for programs that run outside of tests: what they have to say goes there,
//! and whoever started them says when to go on.

use crate::{io, memory};

const DATA: u16 = 0x3f8;
const LINE_STATUS: u16 = DATA + 5;
const HAS_INPUT: u8 = 1;

/// Writes a byte. The port is an emulated one: it is never busy.
pub fn byte(byte: u8) {
    io::out8(DATA, byte);
}

/// Writes a line.
pub fn line(text: &str) {
    text.bytes().chain([b'\n']).for_each(byte);
}

/// Waits until a byte arrives, for as long as it takes.
pub fn read() -> u8 {
    read_while(core::hint::spin_loop)
}

/// The same, doing `work` meanwhile.
pub fn read_while(mut work: impl FnMut()) -> u8 {
    while io::in8(LINE_STATUS) & HAS_INPUT == 0 {
        work();
    }
    io::in8(DATA)
}

/// Waits until a line arrives. It is cut after a page.
pub fn read_line() -> &'static [u8] {
    const MOST: usize = 4096;
    let start = memory::allocate(MOST);
    let mut length = 0;
    loop {
        match read() {
            b'\n' => break,
            byte if length < MOST => {
                io::write(start + length as u64, byte);
                length += 1;
            }
            _ => {}
        }
    }
    // SAFETY: these bytes were written just now, and nothing writes to them any more.
    unsafe { core::slice::from_raw_parts(start as *const u8, length) }
}
