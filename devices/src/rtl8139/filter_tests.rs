use super::*;

const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
const GROUP: [u8; 6] = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x01];
const OTHER: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x57];

fn taken(rcr: u32, hash: u64) -> [bool; 4] {
    let filter = Filter { rcr, mac: MAC, hash };
    [MAC, GROUP, [0xff; 6], OTHER].map(|to| filter.takes(to, filter.classify(to)))
}

#[test]
fn the_hash_of_the_all_hosts_group_is_31() {
    assert_eq!(hash_index(GROUP), 31);
}

#[test]
fn each_bit_lets_its_own_kind_in() {
    let hash = 1 << 31;
    assert_eq!(taken(0, hash), [false; 4]);
    assert_eq!(taken(ALL, hash), [true; 4]);
    assert_eq!(taken(PHYSICAL, hash), [true, false, false, false]);
    assert_eq!(taken(MULTICAST, hash), [false, true, false, false]);
    assert_eq!(taken(BROADCAST, hash), [false, false, true, false]);
}

#[test]
fn a_group_whose_hash_bit_is_clear_is_refused() {
    assert_eq!(taken(MULTICAST, !(1 << 31)), [false; 4]);
}

#[test]
fn broadcast_is_no_multicast_to_the_filter() {
    assert_eq!(taken(MULTICAST, u64::MAX), [false, true, false, false]);
}
