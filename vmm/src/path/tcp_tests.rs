use etherparse::{TcpHeader, TcpHeaderSlice};

use super::*;

const FROM: [u8; 4] = [10, 0, 1, 2];
const TO: [u8; 4] = [10, 0, 2, 2];

/// A SYN with these raw options and a right checksum.
fn syn(options: &[u8]) -> Vec<u8> {
    let mut header = TcpHeader::new(80, 4000, 1, 65_535);
    header.syn = true;
    header.set_options_raw(options).unwrap();
    header.checksum = header.calc_checksum_ipv4_raw(FROM, TO, &[]).unwrap();
    header.to_bytes().to_vec()
}

fn verifies(segment: &[u8]) -> bool {
    let header = TcpHeaderSlice::from_slice(segment).unwrap();
    header.calc_checksum_ipv4_raw(FROM, TO, &[]).unwrap() == header.checksum()
}

#[test]
fn the_mss_of_a_syn_is_lowered_and_the_checksum_follows() {
    let mut segment = syn(&[2, 4, 5, 180, 1, 1, 4, 2]);
    assert!(clamp(&mut segment, 1320));
    assert_eq!(segment[22..24], 1320u16.to_be_bytes());
    assert!(verifies(&segment));
}

#[test]
fn an_mss_at_an_odd_place_is_lowered_too() {
    let mut segment = syn(&[1, 2, 4, 5, 180, 1, 1, 1]);
    assert!(clamp(&mut segment, 1320));
    assert_eq!(segment[23..25], 1320u16.to_be_bytes());
    assert!(verifies(&segment));
}

#[test]
fn an_mss_is_never_raised() {
    let mut segment = syn(&[2, 4, 4, 0]);
    assert!(!clamp(&mut segment, 1320));
    assert_eq!(segment, syn(&[2, 4, 4, 0]));
}

#[test]
fn a_segment_without_syn_is_left_alone() {
    let mut segment = syn(&[2, 4, 5, 180]);
    segment[FLAGS] = 0x10;
    assert!(!clamp(&mut segment, 1320));
}

#[test]
fn broken_options_are_left_alone() {
    assert!(!clamp(&mut syn(&[3, 0, 2, 4]), 1320));
    assert!(!clamp(&mut syn(&[1, 1, 1, 2]), 1320));
    assert!(!clamp(&mut syn(&[1, 1, 2, 4]), 1320));
    assert!(!clamp(&mut syn(&[0, 2, 4, 5]), 1320));
    assert!(!clamp(&mut syn(&[2, 9, 5, 180]), 1320));
}

#[test]
fn payload_is_what_follows_the_options() {
    let mut segment = syn(&[1; 12]);
    segment.extend_from_slice(&[7; 100]);
    assert_eq!(payload(&segment), Some(100));
    assert_eq!(payload(&segment[..25]), None);
    assert_eq!(payload(&[]), None);
}
