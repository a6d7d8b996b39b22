use std::collections::HashSet;

use super::*;

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

fn ipv4(from: ([u8; 4], u16), to: ([u8; 4], u16), protocol: u8, fragment: u16) -> Vec<u8> {
    let [high, low] = fragment.to_be_bytes();
    let mut frame = vec![0; 12];
    frame.extend([8, 0, 0x45, 0, 0, 40, 0, 0, high, low, 64, protocol, 0, 0]);
    frame.extend(from.0);
    frame.extend(to.0);
    frame.extend(from.1.to_be_bytes());
    frame.extend(to.1.to_be_bytes());
    frame.resize(14 + 40, 0);
    frame
}

fn ipv6(from: u8, to: u8, ports: [u16; 2]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64]);
    for last in [from, to] {
        frame.extend([0xfd; 15]);
        frame.push(last);
    }
    frame.extend(ports.map(u16::to_be_bytes).concat());
    frame.resize(14 + 40 + 20, 0);
    frame
}

#[test]
fn both_ways_of_a_conversation_are_the_same_flow() {
    for protocol in [TCP, UDP, 1] {
        let there = flow(&ipv4((A, 1000), (B, 80), protocol, 0));
        let back = flow(&ipv4((B, 80), (A, 1000), protocol, 0));
        assert!(there.is_some());
        assert_eq!(there, back);
    }
    assert_eq!(flow(&ipv6(1, 2, [1000, 80])), flow(&ipv6(2, 1, [80, 1000])));
}

#[test]
fn conversations_that_differ_in_a_port_spread_over_two_queues() {
    let flows = (1000..1064).map(|port| flow(&ipv4((A, port), (B, 80), TCP, 0)).unwrap());
    let odd = flows.filter(|flow| flow % 2 == 1).count();
    assert!((16..=48).contains(&odd), "{odd} of 64");
    let flows: HashSet<_> = (1000..1064).map(|port| flow(&ipv6(1, 2, [port, 80]))).collect();
    assert_eq!(flows.len(), 64);
}

#[test]
fn all_fragments_of_a_packet_are_the_same_flow() {
    let first = flow(&ipv4((A, 1000), (B, 80), UDP, 0x2000));
    let second = flow(&ipv4((A, 77), (B, 78), UDP, 185));
    assert_eq!(first, second);
}

#[test]
fn what_is_not_ip_or_is_cut_short_has_no_flow() {
    assert_eq!(flow(&[0xff; 60]), None);
    assert_eq!(flow(&ipv4((A, 1), (B, 2), TCP, 0)[..20]), None);
    assert_eq!(flow(&[]), None);
}
