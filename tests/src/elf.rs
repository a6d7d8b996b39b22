//! The smallest kernel there is: an ELF file around a few bytes of machine code.

/// Where the code is loaded and starts.
pub const ENTRY: u64 = 0x20_0000;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const EXECUTABLE: u16 = 2;
const X86_64: u16 = 62;
const LOAD: u32 = 1;
const READ_EXECUTE: u32 = 5;

/// An ELF file that loads `code` at [`ENTRY`] and starts there.
pub fn kernel(code: &[u8]) -> Vec<u8> {
    let start = (HEADER + PROGRAM_HEADER) as u64;
    let mut file = Vec::new();
    file.extend(b"\x7fELF\x02\x01\x01");
    file.resize(16, 0);
    file.extend(EXECUTABLE.to_le_bytes());
    file.extend(X86_64.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend(ENTRY.to_le_bytes());
    file.extend((HEADER as u64).to_le_bytes());
    file.extend(0u64.to_le_bytes());
    file.extend(0u32.to_le_bytes());
    for half in [HEADER as u16, PROGRAM_HEADER as u16, 1, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    file.extend(LOAD.to_le_bytes());
    file.extend(READ_EXECUTE.to_le_bytes());
    for word in [start, ENTRY, ENTRY, code.len() as u64, code.len() as u64, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    file
}
