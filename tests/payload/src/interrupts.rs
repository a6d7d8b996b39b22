//! The interrupt table, and what ring 3 sees of interrupts: how often each vector came.
//!
//! Interrupts are on all the time: not every host lets ring 3 change that. The vectors come to
//! rest by not being ended: [`crate::apic::end_of_interrupt`] is the program's to call.

use crate::contract::{FIRST_VECTOR, VECTORS};
use crate::io;

core::arch::global_asm!(include_str!("interrupts.s"));

unsafe extern "C" {
    static idt: u8;
    static interrupt_stubs: u8;
    static exception_stubs: u8;
    static interrupt_counts: u8;
    static use_iretq: u8;
}

const EXCEPTIONS: u64 = 32;
const STUB: u64 = 16;
const GATE: u64 = 16;
const KERNEL_CODE: u64 = 0x10;
const INTERRUPT_GATE: u64 = 0x8e00;

/// Fills the interrupt table: exceptions end the run, device vectors are counted.
pub fn prepare() {
    for vector in 0..EXCEPTIONS {
        set_gate(vector, &raw const exception_stubs as u64 + STUB * vector);
    }
    for index in 0..VECTORS as u64 {
        let vector = u64::from(FIRST_VECTOR) + index;
        set_gate(vector, &raw const interrupt_stubs as u64 + STUB * index);
    }
}

/// Takes every other vector, too, and counts it as the first one.
pub fn take_all() {
    let counted = u64::from(FIRST_VECTOR)..u64::from(FIRST_VECTOR) + VECTORS as u64;
    for vector in (EXCEPTIONS..256).filter(|vector| !counted.contains(vector)) {
        set_gate(vector, &raw const interrupt_stubs as u64);
    }
}

fn set_gate(vector: u64, handler: u64) {
    let at = &raw const idt as u64 + GATE * vector;
    let low = handler & 0xffff | KERNEL_CODE << 16 | INTERRUPT_GATE << 32;
    io::write(at, low | (handler >> 16 & 0xffff) << 48);
    io::write(at + 8, handler >> 32);
}

/// How often `vector` came.
pub fn count(vector: u8) -> u64 {
    let index = u64::from(vector - FIRST_VECTOR);
    io::read(&raw const interrupt_counts as u64 + 8 * index)
}

/// Whether the CPU came to ring 3, and comes back to it, by IRETQ.
pub fn returns_by_iretq() -> bool {
    io::read::<u8>(&raw const use_iretq as u64) != 0
}
