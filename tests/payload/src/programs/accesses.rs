//! Reads and writes a port and a memory address where nobody answers, `count` times each.

use crate::command_line::CommandLine;
use crate::facts::note;
use crate::io;

const PORT: u16 = 0x700;
const ADDRESS: u64 = 0xd000_0000;

pub fn run(command_line: &CommandLine) {
    let count: u32 = command_line.get("count", 1);
    for _ in 0..count {
        io::out8(PORT, 1);
        note("port", format_args!("{:#04x}", io::in8(PORT)));
        io::write(ADDRESS, 1u32);
        note("memory", format_args!("{:#010x}", io::read::<u32>(ADDRESS)));
    }
}
