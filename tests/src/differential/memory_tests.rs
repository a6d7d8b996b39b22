use super::*;

const START: u64 = AREAS[1].start;
const END: u64 = AREAS[1].end;

fn memory() -> Memory {
    Memory::new(Memory::anonymous().unwrap())
}

#[test]
fn what_a_script_writes_is_no_news_and_what_a_nic_writes_is() {
    let mut memory = memory();
    memory.write(START + 8, &[1, 2, 3, 4]).unwrap();
    assert_eq!(memory.news().unwrap(), []);
    memory.ram().write_slice(&[9], GuestAddress(START + 10)).unwrap();
    assert_eq!(memory.news().unwrap(), [(START + 10, vec![9])]);
    assert_eq!(memory.news().unwrap(), []);
}

#[test]
fn a_run_goes_on_over_short_gaps_and_over_pages() {
    let mut memory = memory();
    let at = START + PAGE as u64 - 3;
    memory.ram().write_slice(&[1, 0, 2, 3], GuestAddress(at)).unwrap();
    memory.ram().write_slice(&[5], GuestAddress(at + 100)).unwrap();
    let expected = [(at, vec![1, 0, 2, 3]), (at + 100, vec![5])];
    assert_eq!(memory.news().unwrap(), expected);
}

#[test]
fn clearing_leaves_zeros_without_news() {
    let mut memory = memory();
    memory.ram().write_slice(&[7; 9000], GuestAddress(END - 9000)).unwrap();
    memory.clear().unwrap();
    assert_eq!(memory.news().unwrap(), []);
    let mut bytes = [1; 9000];
    memory.ram().read_slice(&mut bytes, GuestAddress(END - 9000)).unwrap();
    assert_eq!(bytes, [0; 9000]);
}
