//! Sends itself `count` interrupts while it computes, and checks that it comes back from each with
//! its registers whole.

use crate::command_line::CommandLine;
use crate::contract::{FIRST_VECTOR, payload_byte};
use crate::facts::note;
use crate::time::wait_for;
use crate::{apic, interrupts};

const VECTOR: u8 = FIRST_VECTOR;

pub fn run(command_line: &CommandLine) {
    let count: u64 = command_line.get("count", 1);
    apic::enable();
    let mut sum = 0;
    for index in 0..count {
        apic::send_to_self(VECTOR);
        sum += u64::from(payload_byte(index as usize));
        if !wait_for(|| interrupts::count(VECTOR) > index) {
            break;
        }
        apic::end_of_interrupt();
    }
    note("taken", interrupts::count(VECTOR));
    note("sum", sum);
    note("iretq", interrupts::returns_by_iretq());
}
