use std::fs;
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

#[test]
fn scattered_bytes_become_a_stretch_of_the_file_and_come_back() {
    let memory = memory();
    memory.ram().unwrap().write_slice(b"head-onetwo", GuestAddress(0x100)).unwrap();
    let file = tempfile::tempfile().unwrap();
    let out = buffers(&memory, &[(0x100, 8), (0x108, 3)]);
    Transfer::new(&memory, &out, 5..11).write_at(file.as_fd(), 4).unwrap();
    let into = buffers(&memory, &[(0x2000, 1), (0x3000, 5)]);
    Transfer::new(&memory, &into, 0..6).read_at(file.as_fd(), 4).unwrap();
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
    let file = fs::File::open(&path).unwrap();
    Transfer::new(&memory, &all, 0..all.len()).read_at(file.as_fd(), 0).unwrap();
    let mut found = vec![0; all.len()];
    all.copy(&memory, 0..all.len(), &mut found).unwrap();
    assert_eq!(found, content);
}

#[test]
fn a_file_that_ends_early_is_an_error() {
    let memory = memory();
    let into = buffers(&memory, &[(0, 8)]);
    let file = tempfile::tempfile().unwrap();
    let error = Transfer::new(&memory, &into, 0..8).read_at(file.as_fd(), 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn no_byte_moves_while_bus_mastering_is_off() {
    let memory = memory();
    let all = buffers(&memory, &[(0, 8)]);
    memory.set_enabled(false);
    let file = tempfile::tempfile().unwrap();
    assert!(Transfer::new(&memory, &all, 0..8).write_at(file.as_fd(), 0).is_err());
    assert_eq!(file.metadata().unwrap().len(), 0);
}

#[test]
fn alignment_is_that_of_every_piece() {
    let memory = memory();
    let aligned = buffers(&memory, &[(0x1000, 0x1000), (0x8000, 0x2000)]);
    assert!(Transfer::new(&memory, &aligned, 0..0x3000).is_aligned(0x1000));
    assert!(!Transfer::new(&memory, &aligned, 0x200..0x3000).is_aligned(0x1000));
    let askew = buffers(&memory, &[(0x1200, 0x1000)]);
    assert!(!Transfer::new(&memory, &askew, 0..0x1000).is_aligned(0x1000));
}
