use super::*;

const SMAPS: &str = "\
55d000000000-55d000001000 rw-p 00000000 00:00 0          [heap]
Size:                  4 kB
Private_Clean:         8 kB
Private_Dirty:        12 kB
Anonymous:            12 kB
7f0000000000-7f0010000000 rw-p 00000000 00:00 0 
Anonymous:        100000 kB
7f0010000000-7f0010001000 r--p 00000000 fe:00 42         /usr/lib/libc-2.so
Anonymous:             3 kB
55d000400000-55d000800000 r-xp 00400000 fe:00 42         /usr/bin/nicvmm
Private_Dirty:      4096 kB
Anonymous:             0 kB
";

#[test]
fn pages_that_are_no_file_s_and_no_ram_are_counted() {
    let ram = 0x7f00_0000_0000..0x7f00_1000_0000;
    assert_eq!(count(SMAPS, &[ram]), 15 << 10);
}

#[test]
fn a_mapping_that_ram_was_joined_to_is_not_counted() {
    let ram = 0x7f00_0800_0000..0x7f00_1000_0000;
    assert_eq!(count(SMAPS, &[ram]), 15 << 10);
}

#[test]
fn this_process_has_memory_of_its_own() {
    let memory = GuestMemoryMmap::from_ranges(&[(vm_memory::GuestAddress(0), 1 << 20)]).unwrap();
    assert!(Footprint::open().unwrap().anonymous_beside(&memory).unwrap() > 0);
}
