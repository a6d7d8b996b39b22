use super::*;

fn memory() -> Memory {
    Memory::new(Memory::anonymous().unwrap())
}

#[test]
fn what_a_script_writes_is_no_news_and_what_a_nic_writes_is() {
    let mut memory = memory();
    memory.write(ARENA.start + 8, &[1, 2, 3, 4]).unwrap();
    assert_eq!(memory.news().unwrap(), []);
    memory.ram().write_slice(&[9], GuestAddress(ARENA.start + 10)).unwrap();
    assert_eq!(memory.news().unwrap(), [(ARENA.start + 10, vec![9])]);
    assert_eq!(memory.news().unwrap(), []);
}

#[test]
fn a_run_goes_on_over_short_gaps_and_over_pages() {
    let mut memory = memory();
    let at = ARENA.start + PAGE as u64 - 3;
    memory.ram().write_slice(&[1, 0, 2, 3], GuestAddress(at)).unwrap();
    memory.ram().write_slice(&[5], GuestAddress(at + 100)).unwrap();
    let expected = [(at, vec![1, 0, 2, 3]), (at + 100, vec![5])];
    assert_eq!(memory.news().unwrap(), expected);
}

#[test]
fn clearing_leaves_zeros_without_news() {
    let mut memory = memory();
    memory.ram().write_slice(&[7; 9000], GuestAddress(ARENA.end - 9000)).unwrap();
    memory.clear().unwrap();
    assert_eq!(memory.news().unwrap(), []);
    let mut bytes = [1; 9000];
    memory.ram().read_slice(&mut bytes, GuestAddress(ARENA.end - 9000)).unwrap();
    assert_eq!(bytes, [0; 9000]);
}
