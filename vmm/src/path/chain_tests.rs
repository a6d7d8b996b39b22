use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{Icmpv4Type, Icmpv6Type};

use super::super::{IcmpPolicy, MssClamp};
use super::tests::*;
use super::*;

/// Three routers: a, then links of MTU 1480 and 1450, then b with MTU 1420. 12 ms each way.
fn chain() -> PathConfig {
    PathConfig { chain: vec![1480, 1450], ..config() }
}

/// What an IPv4 packet of `length` bytes is answered, and when.
fn answer(router: &mut Router, length: usize) -> (Icmpv4Type, Duration) {
    router.ingress(Side::A, &segment4(length - 40, |_| ()), Duration::ZERO);
    let at = router.next([true; 2]).unwrap();
    (icmp4_of(&one(router, Side::A, at)).0, at)
}

fn frag_needed(next_hop_mtu: u16) -> Icmpv4Type {
    Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::FragmentationNeeded { next_hop_mtu })
}

#[test]
fn each_router_speaks_of_the_link_behind_it_and_the_farther_the_later() {
    let mut router = router(&chain());
    assert_eq!(answer(&mut router, 1500), (frag_needed(1480), 8 * MS));
    assert_eq!(answer(&mut router, 1480), (frag_needed(1450), 16 * MS));
    assert_eq!(answer(&mut router, 1450), (frag_needed(1420), 24 * MS));
    assert_eq!(router.counters(Side::A).frag_needed_sent, 3);
}

#[test]
fn each_router_has_a_limit_of_its_own() {
    let icmp = IcmpPolicy::Every(500 * MS);
    let mut router = router(&PathConfig { icmp, ..chain() });
    for length in [1500, 1500, 1480, 1480, 1450, 1450] {
        router.ingress(Side::A, &segment4(length - 40, |_| ()), MS);
    }
    let counters = router.counters(Side::A);
    assert_eq!((counters.frag_needed_sent, counters.icmp_suppressed), (3, 3));
}

#[test]
fn a_packet_that_fits_everywhere_loses_a_hop_for_each_router() {
    let mut router = router(&chain());
    router.ingress(Side::A, &segment4(1380, |_| ()), Duration::ZERO);
    assert_eq!(ipv4_of(&one(&mut router, Side::B, 12 * MS)).time_to_live, 61);
    router.ingress(Side::A, &segment6(1360, 64), Duration::ZERO);
    assert_eq!(one(&mut router, Side::B, 12 * MS)[14 + 7], 61);
}

#[test]
fn the_router_where_the_hops_end_says_so() {
    let mut router = router(&chain());
    for (hops, at) in [(1, Duration::ZERO), (2, 8 * MS), (3, 16 * MS)] {
        let short = |header: &mut etherparse::Ipv4Header| header.time_to_live = hops;
        router.ingress(Side::A, &segment4(100, short), Duration::ZERO);
        assert_eq!(router.next([true; 2]), Some(at));
        let (kind, _) = icmp4_of(&one(&mut router, Side::A, at));
        assert!(matches!(kind, Icmpv4Type::TimeExceeded(_)));
    }
    let counters = router.counters(Side::A);
    assert_eq!((counters.hops_exceeded, counters.forwarded_frames), (3, 0));
}

#[test]
fn a_packet_too_long_for_a_router_that_it_does_not_reach_is_out_of_hops() {
    let mut router = router(&chain());
    let short = |header: &mut etherparse::Ipv4Header| header.time_to_live = 2;
    router.ingress(Side::A, &segment4(1410, short), Duration::ZERO);
    assert_eq!(router.counters(Side::A).hops_exceeded, 1);
    router.ingress(Side::A, &segment4(1460, short), Duration::ZERO);
    assert_eq!(router.counters(Side::A).over_mtu_dropped, 1);
}

#[test]
fn fragments_are_cut_again_where_they_do_not_fit() {
    let mut router = router(&chain());
    let fragile = |header: &mut etherparse::Ipv4Header| header.dont_fragment = false;
    router.ingress(Side::A, &segment4(1460, fragile), Duration::ZERO);
    let frames = out(&mut router, Side::B, 12 * MS);
    let headers: Vec<_> = frames.iter().map(|frame| ipv4_of(frame)).collect();
    let mut pieces: Vec<_> = headers
        .iter()
        .map(|h| (h.fragment_offset.value() * 8, h.total_len - 20, h.more_fragments))
        .collect();
    pieces.sort_unstable();
    // 1480 bytes into 1456 and 24; 1456 into 1424 and 32; 1424 into 1400 and 24.
    let expected = [(0, 1400, true), (1400, 24, true), (1424, 32, true), (1456, 24, false)];
    assert_eq!(pieces, expected);
    let counters = router.counters(Side::A);
    assert_eq!((counters.fragmented, counters.forwarded_frames), (3, 4));
    assert!(headers.iter().all(|header| header.time_to_live == 61));
}

#[test]
fn the_way_back_meets_the_links_in_reverse() {
    let mut config = chain();
    config.ports[0].mtu = 1400;
    let mtus: Vec<_> = config.mtus(Side::A).collect();
    assert_eq!(mtus, [1450, 1480, 1400]);
}

#[test]
fn ipv6_is_told_of_each_link_too() {
    let mut router = router(&chain());
    for (payload, mtu, at) in [(1440, 1480, 8 * MS), (1420, 1450, 16 * MS), (1390, 1420, 24 * MS)] {
        router.ingress(Side::A, &segment6(payload, 64), Duration::ZERO);
        assert_eq!(router.next([true; 2]), Some(at));
        let (kind, _) = icmp6_of(&one(&mut router, Side::A, at));
        assert_eq!(kind, Icmpv6Type::PacketTooBig { mtu });
    }
}

#[test]
fn a_clamp_to_the_path_mtu_heeds_the_tightest_link() {
    let chain = PathConfig { chain: vec![1300], mss_clamp: Some(MssClamp::Pmtu), ..config() };
    let mut router = router(&chain);
    let mut frame = Vec::new();
    etherparse::PacketBuilder::ethernet2(CLIENT, ROUTER_B)
        .ipv4([10, 0, 2, 2], [10, 0, 1, 2], 64)
        .tcp(80, 4000, 1, 1000)
        .syn()
        .options_raw(&[2, 4, 5, 180])
        .unwrap()
        .write(&mut frame, &[])
        .unwrap();
    router.ingress(Side::B, &frame, MS);
    assert_eq!(one(&mut router, Side::A, 20 * MS)[56..58], 1260u16.to_be_bytes());
}
