use super::*;

const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
const GROUP: [u8; 6] = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x01];
const OTHER: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x57];

#[test]
fn the_hash_of_the_all_hosts_group_is_31() {
    assert_eq!(hash_index(GROUP), 31);
}

#[test]
fn each_bit_lets_its_own_kind_in() {
    let hash = 1 << 31;
    let kinds = [MAC, GROUP, [0xff; 6], OTHER];
    let taken = |rcr| kinds.map(|destination| classify(destination, rcr, MAC, hash));
    assert_eq!(taken(0), [None; 4]);
    assert_eq!(taken(ALL), [Some(Match::Promiscuous); 4]);
    assert_eq!(taken(PHYSICAL), [Some(Match::Physical), None, None, None]);
    assert_eq!(taken(MULTICAST), [None, Some(Match::Multicast), None, None]);
    assert_eq!(taken(BROADCAST), [None, None, Some(Match::Broadcast), None]);
}

#[test]
fn a_group_whose_hash_bit_is_clear_is_refused() {
    assert_eq!(classify(GROUP, MULTICAST, MAC, !(1 << 31)), None);
}
