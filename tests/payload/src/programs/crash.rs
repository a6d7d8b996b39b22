//! Executes an instruction that there is not.

use crate::command_line::CommandLine;

pub fn run(_: &CommandLine) {
    // SAFETY: it raises an exception, and the exception does not return.
    unsafe { core::arch::asm!("ud2") };
}
