//! Kernels and initial RAM disks as files may be, loaded into a guest's memory.
//!
//! The first byte picks what the kernel's file is: bytes as they come, an ELF file with such
//! program headers as the input has, a bzImage with such a setup header, or one of the two packed
//! with gzip, whose checksum no fuzzer would guess. What must hold:
//!
//! - it is loaded, or refused with a reason;
//! - the zero page of what was loaded is where the boot CPU looks, and the initial RAM disk that it
//!   tells of lies in RAM, behind the first MiB;
//! - nothing is loaded over what nicvmm itself puts into low memory.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};
use vmm::machine::boot::{Payload, load};
use vmm::machine::layout;

use crate::Input;
use crate::memory_file::MemoryFile;

/// Bytes of guest memory.
const RAM: u64 = 8 << 20;
/// Offsets in the zero page.
const RAMDISK: u64 = layout::ZERO_PAGE + 0x218;
const RAMDISK_SIZE: u64 = layout::ZERO_PAGE + 0x21c;
/// Where nothing but page tables is, which are written later.
const MARK: u64 = layout::PAGE_TABLES;
const MARKED: [u8; 16] = *b"it is still here";
/// Program headers of an ELF file.
const SEGMENTS: u8 = 6;
/// The longest initial RAM disk.
const INITRD: u64 = 2 * RAM;

/// Loads what `data` makes of a kernel and its initial RAM disk.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(choice) = input.byte() else { return };
    let initrd = input.bytes(usize::from(choice >> 4)).to_vec();
    let size = input.u32();
    let appended = input.bytes(usize::from(choice >> 3 & 1) * 5).to_vec();
    let bytes = match choice & 7 {
        0 | 1 => input.bytes(usize::MAX).to_vec(),
        2 | 3 => elf(&mut input),
        4 | 5 => bzimage(&mut input),
        6 => pack(&elf(&mut input)),
        _ => pack(&bzimage(&mut input)),
    };
    let ram = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), RAM as usize)]);
    let memory = ram.expect("there is memory for a guest");
    memory.write_slice(&MARKED, GuestAddress(MARK)).expect("it is RAM");
    let (kernel, initrd) = (MemoryFile::new(&bytes), MemoryFile::new(&initrd));
    if choice & 0x80 != 0 {
        initrd.set_length(u64::from(size) % INITRD);
    }
    let payload = Payload {
        kernel: kernel.path(),
        initrd: Some(initrd.path()),
        appended,
        command_line: "console=ttyS0".into(),
    };
    let loaded = load(&memory, &payload, layout::ACPI);
    let mut mark = [0; MARKED.len()];
    memory.read_slice(&mut mark, GuestAddress(MARK)).expect("it is RAM");
    assert_eq!(mark, MARKED, "something was loaded into low memory");
    let Ok(entry) = loaded else { return };
    assert_eq!(entry.argument, layout::ZERO_PAGE);
    let word = |at: u64| memory.read_obj::<u32>(GuestAddress(at)).expect("the zero page is RAM");
    let (start, size) = (u64::from(word(RAMDISK)), u64::from(word(RAMDISK_SIZE)));
    assert!(size == 0 || start >= layout::HIGH_MEMORY, "the initrd is at {start:#x}");
    assert!(start + size <= RAM, "the initrd ends at {:#x}", start + size);
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
}

/// An ELF file for this machine; segments and the rest are the input's.
fn elf(input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let segments = input.byte().unwrap_or_default() % SEGMENTS;
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &[2, 0, 62, 0, 1]);
    put(24, &address(input).to_le_bytes());
    put(32, &64u64.to_le_bytes());
    put(52, &[64, 0, 56, 0, segments, 0]);
    for _ in 0..segments {
        let kind = u32::from(input.byte().unwrap_or_default() % 5);
        bytes.extend(kind.to_le_bytes());
        bytes.extend([7, 0, 0, 0]);
        bytes.extend(u64::from(input.u16() >> 4).to_le_bytes());
        for _ in 0..2 {
            bytes.extend(address(input).to_le_bytes());
        }
        for _ in 0..2 {
            bytes.extend(length(input).to_le_bytes());
        }
        bytes.extend(u64::from(input.byte().unwrap_or_default()).to_le_bytes());
    }
    bytes.extend_from_slice(input.bytes(usize::MAX));
    bytes
}

/// An address that may be good, or anything.
fn address(input: &mut Input<'_>) -> u64 {
    match input.byte().unwrap_or_default() {
        0..0xf0 => layout::HIGH_MEMORY + (u64::from(input.u16()) << 7),
        0xf0..0xf8 => u64::from(input.u32()),
        _ => input.u64(),
    }
}

/// A length that may be good, or anything.
fn length(input: &mut Input<'_>) -> u64 {
    match input.byte().unwrap_or_default() {
        0..0xf0 => u64::from(input.u16() >> 4),
        _ => input.u64(),
    }
}

/// A bzImage: the fields of its setup header that count are the input's, and so is what follows.
fn bzimage(input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0x1f1, &[input.byte().unwrap_or_default()]);
    put(0x1fe, &[0x55, 0xaa]);
    put(0x202, b"HdrS");
    put(0x206, &input.u16().to_le_bytes());
    put(0x20e, &input.u16().to_le_bytes());
    put(0x211, &[input.byte().unwrap_or_default()]);
    put(0x214, &(address(input) as u32).to_le_bytes());
    put(0x230, &input.u64().to_le_bytes());
    for at in [0x248, 0x24c, 0x258, 0x25c, 0x260] {
        put(at, &(length(input) as u32).to_le_bytes());
    }
    let rest = input.bytes(usize::MAX);
    bytes.extend_from_slice(rest);
    bytes
}
