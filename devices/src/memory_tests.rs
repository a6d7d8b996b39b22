use super::*;

fn memory() -> DmaMemory {
    let ram = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 1 << 16)]).unwrap();
    let memory = DmaMemory::new(ram);
    memory.set_enabled(true);
    memory
}

/// Pieces of 10, 1 and 20 bytes.
fn gather(memory: &DmaMemory) -> Gather {
    let mut gather = Gather::default();
    for (address, length) in [(0x100, 10), (0x200, 1), (0x300, 20)] {
        gather.push(memory, address, length).unwrap();
    }
    gather
}

fn steps(walk: &mut Walk<'_>, count: usize) -> Vec<(u64, usize)> {
    let mut shown = Vec::new();
    walk.go(count, |piece, bytes| {
        assert_eq!(bytes.len(), piece.length);
        shown.push((piece.address, piece.length));
    })
    .unwrap();
    shown
}

#[test]
fn a_walk_stops_where_it_is_told_and_goes_on_there() {
    let memory = memory();
    let gather = gather(&memory);
    let mut walk = gather.walk(&memory, 4);
    assert_eq!(steps(&mut walk, 2), [(0x104, 2)]);
    assert_eq!(steps(&mut walk, 6), [(0x106, 4), (0x200, 1), (0x300, 1)]);
    assert_eq!(steps(&mut walk, 0), []);
    assert_eq!(steps(&mut walk, 100), [(0x301, 19)]);
    assert_eq!(steps(&mut walk, 1), []);
}

#[test]
fn a_walk_shows_what_is_in_memory() {
    let memory = memory();
    memory.write(0x200, &[0x12]).unwrap();
    let gather = gather(&memory);
    let mut bytes = [0u8; 3];
    let mut walk = gather.walk(&memory, 9);
    let mut at = 0;
    walk.go(3, |_, slice| {
        slice.copy_to(&mut bytes[at..at + slice.len()]);
        at += slice.len();
    })
    .unwrap();
    assert_eq!(bytes, [0, 0x12, 0]);
}

#[test]
fn a_walk_ends_where_bus_mastering_does() {
    let memory = memory();
    let gather = gather(&memory);
    memory.set_enabled(false);
    let mut walk = gather.walk(&memory, 0);
    assert_eq!(walk.go(1, |_, _| ()), Err(DmaError::Disabled));
}
