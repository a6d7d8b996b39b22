use std::fs::{self, File};
use std::os::fd::AsFd;

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::*;

fn memory() -> DmaMemory {
    let ram = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 1 << 20)]).unwrap();
    let memory = DmaMemory::new(ram);
    memory.set_enabled(true);
    memory
}

fn buffers(memory: &DmaMemory, pieces: &[(u64, usize)]) -> Gather {
    let mut gather = Gather::default();
    for (address, length) in pieces {
        gather.push(memory, *address, *length).unwrap();
    }
    gather
}

/// Does `work` with these bytes of guest memory.
fn with<T>(
    memory: &DmaMemory,
    buffers: &Gather,
    range: Range<usize>,
    work: impl FnOnce(&mut Vectors<'_>) -> T,
) -> T {
    let mut room = Room::default();
    let mut vectors = Vectors::new(&mut room);
    vectors.push_range(memory, buffers, range).unwrap();
    work(&mut vectors)
}

fn write(memory: &DmaMemory, buffers: &Gather, range: Range<usize>, file: &File) {
    with(memory, buffers, range, |vectors| vectors.write_at(file.as_fd(), 4)).unwrap();
}

fn read(memory: &DmaMemory, buffers: &Gather, file: &File, offset: u64) -> io::Result<()> {
    with(memory, buffers, 0..buffers.len(), |vectors| vectors.read_at(file.as_fd(), offset))
}

#[test]
fn scattered_bytes_become_a_stretch_of_the_file_and_come_back() {
    let memory = memory();
    memory.ram().unwrap().write_slice(b"head-onetwo", GuestAddress(0x100)).unwrap();
    let file = tempfile::tempfile().unwrap();
    let out = buffers(&memory, &[(0x100, 8), (0x108, 3)]);
    write(&memory, &out, 5..11, &file);
    let into = buffers(&memory, &[(0x2000, 1), (0x3000, 5)]);
    read(&memory, &into, &file, 4).unwrap();
    let mut found = [0; 6];
    into.copy(&memory, 0..6, &mut found).unwrap();
    assert_eq!(&found, b"onetwo");
}

#[test]
fn more_pieces_than_one_system_call_takes_are_moved_all() {
    let memory = memory();
    let pieces: Vec<(u64, usize)> = (0..IOV_MAX as u64 + 500).map(|at| (at * 16, 4)).collect();
    let all = buffers(&memory, &pieces);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let content: Vec<u8> = (0..all.len()).map(|at| (at % 251) as u8).collect();
    fs::write(&path, &content).unwrap();
    read(&memory, &all, &File::open(&path).unwrap(), 0).unwrap();
    let mut found = vec![0; all.len()];
    all.copy(&memory, 0..all.len(), &mut found).unwrap();
    assert_eq!(found, content);
}

#[test]
fn a_file_that_ends_early_is_an_error() {
    let memory = memory();
    let into = buffers(&memory, &[(0, 8)]);
    let error = read(&memory, &into, &tempfile::tempfile().unwrap(), 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn no_byte_moves_while_bus_mastering_is_off() {
    let memory = memory();
    let all = buffers(&memory, &[(0, 8)]);
    memory.set_enabled(false);
    let mut room = Room::default();
    let mut vectors = Vectors::new(&mut room);
    assert_eq!(vectors.push_range(&memory, &all, 0..8), Err(DmaError::Disabled));
    assert!(vectors.is_empty());
}

#[test]
fn nothing_is_read_into_memory_that_was_lent_to_be_read() {
    let memory = memory();
    let into = buffers(&memory, &[(0, 8)]);
    let mut room = Room::default();
    let mut vectors = Vectors::new(&mut room);
    vectors.push_bytes(b"constant");
    vectors.push_range(&memory, &into, 0..8).unwrap();
    let error = vectors.read_at(tempfile::tempfile().unwrap().as_fd(), 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn alignment_is_that_of_every_piece() {
    let memory = memory();
    let aligned = buffers(&memory, &[(0x1000, 0x1000), (0x8000, 0x2000)]);
    let are_aligned = |vectors: &mut Vectors<'_>| vectors.are_aligned(0x1000);
    assert!(with(&memory, &aligned, 0..0x3000, are_aligned));
    assert!(!with(&memory, &aligned, 0x200..0x3000, are_aligned));
    let askew = buffers(&memory, &[(0x1200, 0x1000)]);
    assert!(!with(&memory, &askew, 0..0x1000, are_aligned));
}

#[test]
fn what_was_just_written_is_at_hand_but_no_byte_behind_the_end() {
    let memory = memory();
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let path = directory.path().join("file");
    fs::write(&path, b"one two").unwrap();
    let file = File::open(&path).unwrap();
    let into = buffers(&memory, &[(0x100, 3), (0x200, 4)]);
    let at_once = |range| {
        with(&memory, &into, range, |vectors| vectors.read_at_once(file.as_fd(), 0).unwrap())
    };
    assert!(at_once(0..7));
    let mut found = [0; 7];
    into.copy(&memory, 0..7, &mut found).unwrap();
    assert_eq!(&found, b"one two");
    let longer = buffers(&memory, &[(0x100, 8)]);
    assert!(!with(&memory, &longer, 0..8, |v| v.read_at_once(file.as_fd(), 0).unwrap()));
}
