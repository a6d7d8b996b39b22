use etherparse::{
    Icmpv4Type, Icmpv6Type, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, LaxSlicedPacket,
    NetHeaders, NetSlice, PacketBuilder, PacketHeaders, SlicedPacket, TransportHeader,
    TransportSlice,
};
use proptest::prelude::*;

use std::net::Ipv6Addr;

use super::super::{IcmpMtu, IcmpPolicy, PortConfig};
use super::*;

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SERVER: Mac = [2, 0, 0, 0, 1, 2];
pub(super) const CLIENT: Mac = [2, 0, 0, 0, 2, 2];
const ROUTER_A: Mac = [2, 0, 0, 0, 0, 0x0a];
pub(super) const ROUTER_B: Mac = [2, 0, 0, 0, 0, 0x0b];
pub(super) const SERVER_IP: [u8; 4] = [10, 0, 1, 2];
pub(super) const CLIENT_IP: [u8; 4] = [10, 0, 2, 2];

fn ip6(text: &str) -> [u8; 16] {
    text.parse::<Ipv6Addr>().unwrap().octets()
}

pub(super) fn config() -> PathConfig {
    let port = |text: &str| text.parse::<PortConfig>().unwrap();
    PathConfig {
        delay: 12 * MS,
        ..PathConfig::new(
            port("stream:a,ip=10.0.1.1/24,ip6=fd00:1::1/64"),
            port("stream:b,mtu=1420,ip=10.0.2.1/24,ip6=fd00:2::1/64"),
        )
    }
}

/// A router that knows the server and the client.
pub(super) fn router(config: &PathConfig) -> Router {
    let mut router = Router::new(config);
    let neighbours = [
        (Side::A, IpAddr::from(SERVER_IP), SERVER),
        (Side::B, IpAddr::from(CLIENT_IP), CLIENT),
        (Side::A, IpAddr::from(ip6("fd00:1::2")), SERVER),
        (Side::B, IpAddr::from(ip6("fd00:2::2")), CLIENT),
    ];
    for (side, ip, mac) in neighbours {
        router.learn(side, ip, mac, Duration::ZERO);
    }
    router
}

/// Everything that comes out at a port by `now`.
pub(super) fn out(router: &mut Router, side: Side, now: Duration) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| router.pop(side, now)).collect()
}

pub(super) fn one(router: &mut Router, side: Side, now: Duration) -> Vec<u8> {
    let mut frames = out(router, side, now);
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

fn header4(from: [u8; 4], to: [u8; 4], protocol: IpNumber) -> Ipv4Header {
    let mut header = Ipv4Header::new(0, 64, protocol, from, to).unwrap();
    header.dont_fragment = true;
    header
}

/// A TCP segment from the server to the client.
pub(super) fn segment4(payload: usize, change: impl FnOnce(&mut Ipv4Header)) -> Vec<u8> {
    let mut header = header4(SERVER_IP, CLIENT_IP, IpNumber::TCP);
    change(&mut header);
    let builder = PacketBuilder::ethernet2(SERVER, ROUTER_A)
        .ip(IpHeaders::Ipv4(header, Ipv4Extensions::default()))
        .tcp(80, 4000, 1, 1000);
    let mut frame = Vec::new();
    builder.write(&mut frame, &vec![0xab; payload]).unwrap();
    frame
}

pub(super) fn segment6(payload: usize, hops: u8) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(SERVER, ROUTER_A)
        .ipv6(ip6("fd00:1::2"), ip6("fd00:2::2"), hops)
        .tcp(80, 4000, 1, 1000);
    let mut frame = Vec::new();
    builder.write(&mut frame, &vec![0xab; payload]).unwrap();
    frame
}

pub(super) fn ping(from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let builder =
        PacketBuilder::ethernet2(SERVER, ROUTER_A).ipv4(from, to, 64).icmpv4_echo_request(7, 9);
    let mut frame = Vec::new();
    builder.write(&mut frame, b"hello").unwrap();
    frame
}

pub(super) fn arp(sender: Mac, from: [u8; 4], to: [u8; 4], operation: u16) -> Vec<u8> {
    let packet = etherparse::ArpEthIpv4Packet {
        operation: etherparse::ArpOperation(operation),
        sender_mac: sender,
        sender_ipv4: from,
        target_mac: [0; 6],
        target_ipv4: to,
    };
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(sender, [0xff; 6]).arp(packet.into()).write(&mut frame).unwrap();
    frame
}

/// The IPv4 header of a frame, whose checksum is right.
pub(super) fn ipv4_of(frame: &[u8]) -> Ipv4Header {
    let headers = PacketHeaders::from_ethernet_slice(frame).unwrap();
    let Some(NetHeaders::Ipv4(header, _)) = headers.net else { panic!("not IPv4") };
    assert_eq!(header.header_checksum, header.calc_header_checksum());
    header
}

fn tcp_checksum_is_right(frame: &[u8]) -> bool {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else { panic!("not TCP") };
    let sum = match packet.net {
        Some(NetSlice::Ipv4(ip)) => {
            tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination())
        }
        Some(NetSlice::Ipv6(ip)) => {
            tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination())
        }
        _ => panic!("not IP"),
    };
    sum.unwrap() == tcp.checksum()
}

pub(super) fn icmp4_of(frame: &[u8]) -> (Icmpv4Type, Vec<u8>) {
    let headers = PacketHeaders::from_ethernet_slice(frame).unwrap();
    let Some(TransportHeader::Icmpv4(icmp)) = headers.transport else { panic!("not ICMP") };
    let body = headers.payload.slice().to_vec();
    let mut again = icmp.clone();
    again.update_checksum(&body);
    assert_eq!(again.checksum, icmp.checksum);
    (icmp.icmp_type, body)
}

pub(super) fn icmp6_of(frame: &[u8]) -> (Icmpv6Type, Vec<u8>) {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(NetSlice::Ipv6(ip)) = packet.net else { panic!("not IPv6") };
    let Some(TransportSlice::Icmpv6(icmp)) = packet.transport else { panic!("not ICMPv6") };
    assert!(icmp.is_checksum_valid(ip.header().source(), ip.header().destination()));
    (icmp.icmp_type(), icmp.payload().to_vec())
}

const FRAG_NEEDED: Icmpv4Type = Icmpv4Type::DestinationUnreachable(
    etherparse::icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: 1420 },
);

#[test]
fn a_packet_that_fits_comes_out_after_the_delay_one_hop_on() {
    let mut router = router(&config());
    router.ingress(Side::A, &segment4(1380, |_| ()), MS);
    assert_eq!(router.next([true; 2]), Some(13 * MS));
    assert!(out(&mut router, Side::B, 12 * MS).is_empty());
    let frame = one(&mut router, Side::B, 13 * MS);
    assert_eq!((&frame[..6], &frame[6..12]), (&CLIENT[..], &ROUTER_B[..]));
    let expected = segment4(1380, |header| header.time_to_live = 63);
    assert_eq!(frame[12..], expected[12..]);
}

#[test]
fn padding_after_a_packet_does_not_travel_on() {
    let mut router = router(&config());
    let frame = [segment4(0, |_| ()), vec![0; 6]].concat();
    router.ingress(Side::A, &frame, MS);
    assert_eq!(one(&mut router, Side::B, 20 * MS).len(), 54);
}

#[test]
fn a_packet_over_the_mtu_is_dropped_and_its_sender_told_after_a_round_trip() {
    let mut router = router(&config());
    let frame = segment4(1381, |_| ());
    router.ingress(Side::A, &frame, MS);
    assert!(out(&mut router, Side::B, 100 * MS).is_empty());
    assert!(out(&mut router, Side::A, 24 * MS).is_empty());
    let error = one(&mut router, Side::A, 25 * MS);
    assert_eq!((&error[..6], &error[6..12]), (&SERVER[..], &ROUTER_A[..]));
    let header = ipv4_of(&error);
    assert_eq!((header.source, header.destination), ([10, 0, 1, 1], SERVER_IP));
    assert_eq!(header.total_len, 576);
    let (kind, quote) = icmp4_of(&error);
    assert_eq!(kind, FRAG_NEEDED);
    assert_eq!(quote, frame[14..14 + 548]);
    assert_eq!(router.counters(Side::A).over_mtu_dropped, 1);
    assert_eq!(router.counters(Side::A).frag_needed_sent, 1);
}

#[test]
fn a_path_changed_on_the_way_holds_the_next_packet_against_its_new_mtu() {
    let mut router = router(&config());
    router.ingress(Side::A, &segment4(1452, |_| ()), MS);
    let mut changed = router.config().clone();
    changed.ports[1].mtu = 1492;
    router.reconfigure(changed);
    router.ingress(Side::A, &segment4(1452, |_| ()), MS);
    assert_eq!(one(&mut router, Side::B, 13 * MS).len(), 14 + 1492);
    assert_eq!(router.counters(Side::A).over_mtu_dropped, 1);
}

#[test]
fn the_mtu_of_the_port_of_arrival_does_not_matter() {
    let mut router = router(&config());
    let mut header = header4(CLIENT_IP, SERVER_IP, IpNumber::UDP);
    header.set_payload_len(1480).unwrap();
    let builder = PacketBuilder::ethernet2(CLIENT, ROUTER_B)
        .ip(IpHeaders::Ipv4(header, Ipv4Extensions::default()))
        .udp(1, 2);
    let mut frame = Vec::new();
    builder.write(&mut frame, &[0; 1472]).unwrap();
    router.ingress(Side::B, &frame, MS);
    assert_eq!(one(&mut router, Side::A, 13 * MS).len(), 1514);
}

#[test]
fn a_packet_over_the_mtu_that_may_be_fragmented_is() {
    let mut router = router(&config());
    router.ingress(Side::A, &segment4(1448, |header| header.dont_fragment = false), MS);
    let frames = out(&mut router, Side::B, 13 * MS);
    let headers: Vec<_> = frames.iter().map(|frame| ipv4_of(frame)).collect();
    let shape: Vec<_> = headers
        .iter()
        .map(|h| (h.total_len, h.fragment_offset.value(), h.more_fragments, h.time_to_live))
        .collect();
    assert_eq!(shape, [(1420, 0, true, 63), (88, 175, false, 63)]);
    let counters = router.counters(Side::A);
    assert_eq!((counters.fragmented, counters.fragments_sent), (1, 2));
    assert_eq!((counters.over_mtu_dropped, counters.frag_needed_sent), (0, 0));
}

#[test]
fn an_old_router_leaves_the_mtu_to_guessing() {
    let mut router = router(&PathConfig { icmp_mtu: IcmpMtu::Zero, ..config() });
    router.ingress(Side::A, &segment4(1448, |_| ()), MS);
    let (kind, _) = icmp4_of(&one(&mut router, Side::A, 25 * MS));
    let next_hop_mtu = 0;
    let expected = etherparse::icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu };
    assert_eq!(kind, Icmpv4Type::DestinationUnreachable(expected));
}

#[test]
fn one_error_per_interval_is_sent_and_the_rest_suppressed() {
    let mut config = config();
    config.icmp = IcmpPolicy::Every(500 * MS);
    let mut router = router(&config);
    for n in 0..10 {
        router.ingress(Side::A, &segment4(1448, |_| ()), n * 100 * MS);
    }
    assert_eq!(out(&mut router, Side::A, 5000 * MS).len(), 2);
    let counters = router.counters(Side::A);
    assert_eq!((counters.frag_needed_sent, counters.icmp_suppressed), (2, 8));
    assert_eq!(counters.over_mtu_dropped, 10);
}

#[test]
fn a_black_hole_says_nothing() {
    let mut config = config();
    config.icmp = IcmpPolicy::None;
    let mut router = router(&config);
    router.ingress(Side::A, &segment4(1448, |_| ()), MS);
    router.ingress(Side::A, &segment6(1448, 64), MS);
    assert!(out(&mut router, Side::A, 5000 * MS).is_empty());
    assert_eq!(router.counters(Side::A).over_mtu_dropped, 2);
}

#[test]
fn no_error_is_sent_about_an_error_a_late_fragment_or_a_group() {
    let mut router = router(&config());
    let mut unreachable = vec![0; 1480];
    unreachable[0] = 3;
    let mut header = header4(SERVER_IP, CLIENT_IP, IpNumber::ICMP);
    header.set_payload_len(unreachable.len()).unwrap();
    header.header_checksum = header.calc_header_checksum();
    let ethernet = &segment4(0, |_| ())[..14];
    let error = [ethernet, &header.to_bytes(), &unreachable].concat();
    router.ingress(Side::A, &error, MS);
    let late = |header: &mut Ipv4Header| header.fragment_offset = 10.try_into().unwrap();
    router.ingress(Side::A, &segment4(1448, late), MS);
    router.ingress(Side::A, &segment4(1448, |header| header.source = [224, 0, 0, 1]), MS);
    assert!(out(&mut router, Side::A, 5000 * MS).is_empty());
    assert_eq!(router.counters(Side::A).over_mtu_dropped, 3);
}

#[test]
fn the_filter_keeps_errors_out_that_the_router_did_send() {
    let mut config = config();
    config.icmp_filter = [true, false];
    let mut router = router(&config);
    router.ingress(Side::A, &segment4(1448, |_| ()), MS);
    assert!(out(&mut router, Side::A, 5000 * MS).is_empty());
    assert_eq!(router.counters(Side::A).frag_needed_sent, 1);
    assert_eq!(router.counters(Side::B).icmp_filtered, 1);
}

#[test]
fn the_filter_lets_echo_through_and_holds_up_the_rest() {
    let mut config = config();
    config.icmp_filter = [false, true];
    let mut router = router(&config);
    router.ingress(Side::A, &ping(SERVER_IP, CLIENT_IP), MS);
    let mut unreachable = ping(SERVER_IP, CLIENT_IP);
    unreachable[34] = 3;
    router.ingress(Side::A, &unreachable, MS);
    assert_eq!(out(&mut router, Side::B, 20 * MS).len(), 1);
    assert_eq!(router.counters(Side::A).icmp_filtered, 1);
}

#[test]
fn a_packet_out_of_hops_is_returned() {
    let mut router = router(&config());
    router.ingress(Side::A, &segment4(100, |header| header.time_to_live = 1), MS);
    let (kind, _) = icmp4_of(&one(&mut router, Side::A, MS));
    assert!(matches!(kind, Icmpv4Type::TimeExceeded(_)));
    assert!(out(&mut router, Side::B, 100 * MS).is_empty());
    assert_eq!(router.counters(Side::A).hops_exceeded, 1);
}

#[test]
fn a_packet_to_nowhere_is_returned() {
    let mut router = router(&config());
    router.ingress(Side::A, &segment4(100, |header| header.destination = [192, 0, 2, 1]), MS);
    let (kind, _) = icmp4_of(&one(&mut router, Side::A, MS));
    assert!(matches!(kind, Icmpv4Type::DestinationUnreachable(_)));
    assert_eq!(router.counters(Side::A).unroutable, 1);
}

#[test]
fn the_near_address_answers_echo_at_once_and_the_far_one_after_a_round_trip() {
    let mut router = router(&config());
    router.ingress(Side::A, &ping(SERVER_IP, [10, 0, 1, 1]), MS);
    let reply = one(&mut router, Side::A, MS);
    let (kind, body) = icmp4_of(&reply);
    let echo = etherparse::IcmpEchoHeader { id: 7, seq: 9 };
    assert_eq!((kind, &body[..]), (Icmpv4Type::EchoReply(echo), &b"hello"[..]));
    assert_eq!(ipv4_of(&reply).source, [10, 0, 1, 1]);
    router.ingress(Side::A, &ping(SERVER_IP, [10, 0, 2, 1]), MS);
    assert!(out(&mut router, Side::A, 24 * MS).is_empty());
    assert_eq!(ipv4_of(&one(&mut router, Side::A, 25 * MS)).source, [10, 0, 2, 1]);
}

#[test]
fn an_echo_that_its_link_does_not_carry_is_not_answered() {
    let mut router = router(&config());
    for (length, answers) in [(1472, 1), (1473, 0)] {
        let builder = PacketBuilder::ethernet2(SERVER, ROUTER_A)
            .ipv4(SERVER_IP, [10, 0, 1, 1], 64)
            .icmpv4_echo_request(7, 9);
        let mut frame = Vec::new();
        builder.write(&mut frame, &vec![0; length]).unwrap();
        router.ingress(Side::A, &frame, MS);
        assert_eq!(out(&mut router, Side::A, MS).len(), answers, "{length} bytes");
    }
}

#[test]
fn arp_about_the_port_is_answered_and_about_others_not() {
    let mut router = Router::new(&config());
    router.ingress(Side::A, &arp(SERVER, SERVER_IP, [10, 0, 1, 9], 1), MS);
    router.ingress(Side::A, &arp(SERVER, SERVER_IP, [10, 0, 2, 1], 1), MS);
    assert!(out(&mut router, Side::A, MS).is_empty());
    router.ingress(Side::A, &arp(SERVER, SERVER_IP, [10, 0, 1, 1], 1), MS);
    let reply = one(&mut router, Side::A, MS);
    let packet = SlicedPacket::from_ethernet(&reply).unwrap();
    let Some(NetSlice::Arp(arp)) = packet.net else { panic!("not ARP") };
    assert_eq!(arp.operation(), etherparse::ArpOperation::REPLY);
    assert_eq!(
        (arp.sender_hw_addr(), arp.sender_protocol_addr()),
        (&ROUTER_A[..], &[10, 0, 1, 1][..])
    );
    assert_eq!((arp.target_hw_addr(), arp.target_protocol_addr()), (&SERVER[..], &SERVER_IP[..]));
}

#[test]
fn the_router_asks_for_a_neighbour_and_then_sends_what_waited() {
    let mut router = Router::new(&config());
    router.ingress(Side::A, &segment4(100, |_| ()), MS);
    router.ingress(Side::A, &segment4(101, |_| ()), MS);
    let question = one(&mut router, Side::B, 100 * MS);
    let packet = SlicedPacket::from_ethernet(&question).unwrap();
    let Some(NetSlice::Arp(asked)) = packet.net else { panic!("not ARP") };
    assert_eq!(asked.operation(), etherparse::ArpOperation::REQUEST);
    assert_eq!(asked.target_protocol_addr(), CLIENT_IP);
    router.ingress(Side::B, &arp(CLIENT, CLIENT_IP, [10, 0, 2, 1], 2), 100 * MS);
    let lengths: Vec<_> = out(&mut router, Side::B, 112 * MS).iter().map(Vec::len).collect();
    assert_eq!(lengths, [154, 155]);
}

#[test]
fn a_neighbour_that_never_answers_costs_the_packet() {
    let mut router = Router::new(&config());
    router.ingress(Side::A, &segment4(100, |_| ()), MS);
    for second in 1..=4 {
        router.tick(Duration::from_secs(second) + 2 * MS);
    }
    assert_eq!(out(&mut router, Side::B, Duration::from_secs(9)).len(), 3);
    assert_eq!(router.counters(Side::A).unresolved_dropped, 1);
    assert_eq!(router.next([true; 2]), None);
}

#[test]
fn the_mss_of_a_syn_is_clamped_both_ways() {
    let mut config = config();
    config.mss_clamp = Some(MssClamp::Bytes(1320));
    let mut router = router(&config);
    let syn = |from: Mac, to: Mac, source, destination| {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(from, to)
            .ipv4(source, destination, 64)
            .tcp(80, 4000, 1, 1000)
            .syn()
            .options_raw(&[2, 4, 5, 180])
            .unwrap()
            .write(&mut frame, &[])
            .unwrap();
        frame
    };
    router.ingress(Side::A, &syn(SERVER, ROUTER_A, SERVER_IP, CLIENT_IP), MS);
    router.ingress(Side::B, &syn(CLIENT, ROUTER_B, CLIENT_IP, SERVER_IP), MS);
    for side in Side::BOTH {
        let frame = one(&mut router, side, 20 * MS);
        assert_eq!(frame[56..58], 1320u16.to_be_bytes());
        assert!(tcp_checksum_is_right(&frame));
        assert_eq!(router.counters(side).mss_clamped, 1);
    }
}

#[test]
fn a_clamp_to_the_path_mtu_leaves_room_for_headers() {
    let mut config = config();
    config.mss_clamp = Some(MssClamp::Pmtu);
    let mut router = router(&config);
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(SERVER, ROUTER_A)
        .ipv6(ip6("fd00:1::2"), ip6("fd00:2::2"), 64)
        .tcp(80, 4000, 1, 1000)
        .syn()
        .options_raw(&[2, 4, 5, 180])
        .unwrap()
        .write(&mut frame, &[])
        .unwrap();
    router.ingress(Side::A, &frame, MS);
    let frame = one(&mut router, Side::B, 20 * MS);
    assert_eq!(frame[76..78], 1360u16.to_be_bytes());
    assert!(tcp_checksum_is_right(&frame));
}

#[test]
fn ipv6_is_forwarded_one_hop_on() {
    let mut router = router(&config());
    router.ingress(Side::A, &segment6(1360, 64), MS);
    let frame = one(&mut router, Side::B, 13 * MS);
    assert_eq!(frame[12..], segment6(1360, 63)[12..]);
}

#[test]
fn ipv6_over_the_mtu_is_answered_with_packet_too_big() {
    let mut router = router(&config());
    let frame = segment6(1361, 64);
    router.ingress(Side::A, &frame, MS);
    assert!(out(&mut router, Side::B, 100 * MS).is_empty());
    assert!(out(&mut router, Side::A, 24 * MS).is_empty());
    let error = one(&mut router, Side::A, 25 * MS);
    assert_eq!(error.len(), 14 + 1280);
    let (kind, quote) = icmp6_of(&error);
    assert_eq!(kind, Icmpv6Type::PacketTooBig { mtu: 1420 });
    assert_eq!(quote, frame[14..14 + 1232]);
    assert_eq!(router.counters(Side::A).packet_too_big_sent, 1);
    assert_eq!(router.counters(Side::A).frag_needed_sent, 0);
}

#[test]
fn ipv6_out_of_hops_is_returned() {
    let mut router = router(&config());
    router.ingress(Side::A, &segment6(100, 1), MS);
    let (kind, _) = icmp6_of(&one(&mut router, Side::A, MS));
    assert!(matches!(kind, Icmpv6Type::TimeExceeded(_)));
}

/// A neighbour solicitation by the server.
fn solicitation(source: &str, target: &str, hops: u8) -> Vec<u8> {
    let body = [&ip6(target)[..], &[1, 1], &SERVER].concat();
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(SERVER, [0x33, 0x33, 0xff, 0, 0, 1])
        .ipv6(ip6(source), ip6("ff02::1:ff00:1"), hops)
        .icmpv6(Icmpv6Type::NeighborSolicitation)
        .write(&mut frame, &body)
        .unwrap();
    frame
}

#[test]
fn neighbour_solicitations_about_the_port_are_answered() {
    let mut router = Router::new(&config());
    router.ingress(Side::A, &solicitation("fd00:1::2", "fd00:1::1", 255), MS);
    let reply = one(&mut router, Side::A, MS);
    let (kind, body) = icmp6_of(&reply);
    let Icmpv6Type::NeighborAdvertisement(flags) = kind else { panic!("not an advertisement") };
    assert!(flags.router && flags.solicited && flags.r#override);
    assert_eq!(body, [&ip6("fd00:1::1")[..], &[2, 1], &ROUTER_A].concat());
    router.ingress(Side::A, &solicitation("fe80::2", "fe80::ff:fe00:a", 255), MS);
    assert_eq!(out(&mut router, Side::A, MS).len(), 1);
}

#[test]
fn neighbour_solicitations_from_afar_or_about_others_are_not_answered() {
    let mut router = Router::new(&config());
    router.ingress(Side::A, &solicitation("fd00:1::2", "fd00:1::1", 254), MS);
    router.ingress(Side::A, &solicitation("fd00:1::2", "fd00:1::3", 255), MS);
    assert!(out(&mut router, Side::A, MS).is_empty());
}

#[test]
fn an_address_of_the_router_is_defended_against_a_newcomer() {
    let mut router = Router::new(&config());
    router.ingress(Side::A, &solicitation("::", "fd00:1::1", 255), MS);
    let reply = one(&mut router, Side::A, MS);
    assert_eq!(reply[..6], [0x33, 0x33, 0, 0, 0, 1]);
    let (kind, _) = icmp6_of(&reply);
    let Icmpv6Type::NeighborAdvertisement(flags) = kind else { panic!("not an advertisement") };
    assert!(!flags.solicited);
}

#[test]
fn the_router_asks_for_an_ipv6_neighbour_and_then_sends_what_waited() {
    let mut router = Router::new(&config());
    router.ingress(Side::A, &segment6(100, 64), MS);
    let question = one(&mut router, Side::B, 100 * MS);
    assert_eq!(question[..6], [0x33, 0x33, 0xff, 0, 0, 2]);
    let (kind, body) = icmp6_of(&question);
    assert_eq!(kind, Icmpv6Type::NeighborSolicitation);
    assert_eq!(body, [&ip6("fd00:2::2")[..], &[1, 1], &ROUTER_B].concat());
    let flags = etherparse::icmpv6::NeighborAdvertisementHeader {
        router: false,
        solicited: true,
        r#override: true,
    };
    let mut answer = Vec::new();
    PacketBuilder::ethernet2(CLIENT, ROUTER_B)
        .ipv6(ip6("fd00:2::2"), ip6("fd00:2::1"), 255)
        .icmpv6(Icmpv6Type::NeighborAdvertisement(flags))
        .write(&mut answer, &[&ip6("fd00:2::2")[..], &[2, 1], &CLIENT].concat())
        .unwrap();
    router.ingress(Side::B, &answer, 100 * MS);
    assert_eq!(one(&mut router, Side::B, 112 * MS)[..6], CLIENT);
}

#[test]
fn segments_are_counted_by_payload_as_they_arrive() {
    let mut router = router(&config());
    for payload in [1448, 1368, 1448, 0] {
        router.ingress(Side::A, &segment4(payload, |_| ()), MS);
    }
    router.ingress(Side::A, &segment6(1340, 64), MS);
    let sizes: Vec<_> = router.counters(Side::A).segment_sizes.clone().into_iter().collect();
    assert_eq!(sizes, [(1340, 1), (1368, 1), (1448, 2)]);
}

#[test]
fn a_full_queue_drops_and_counts() {
    let mut config = config();
    config.rate = Some("1mbit".parse().unwrap());
    config.queue = Some("4000".parse().unwrap());
    let mut router = router(&config);
    for _ in 0..5 {
        router.ingress(Side::A, &segment4(1360, |_| ()), MS);
    }
    let counters = router.counters(Side::A);
    assert_eq!((counters.forwarded_frames, counters.queue_dropped), (2, 3));
}

#[test]
fn the_same_seed_loses_the_same_packets() {
    let mut config = config();
    config.loss = 0.3;
    let lost = |config: &PathConfig| {
        let mut router = router(config);
        for payload in 0..200 {
            router.ingress(Side::A, &segment4(payload, |_| ()), MS);
        }
        let lengths: Vec<_> = out(&mut router, Side::B, 100 * MS).iter().map(Vec::len).collect();
        lengths
    };
    let first = lost(&config);
    assert_eq!(first, lost(&config));
    assert!((100..180).contains(&first.len()));
    config.seed = 1;
    assert_ne!(first, lost(&config));
}

#[test]
fn what_one_direction_carries_does_not_change_what_the_other_loses() {
    let config = PathConfig { loss: 0.3, ..config() };
    let lengths = |answers: usize| {
        let mut router = router(&config);
        for payload in 0..200 {
            router.ingress(Side::A, &segment4(payload, |_| ()), MS);
            for _ in 0..answers {
                let mut answer = segment4(1, |header| header.destination = SERVER_IP);
                answer[..6].copy_from_slice(&ROUTER_B);
                router.ingress(Side::B, &answer, MS);
            }
        }
        let lengths: Vec<_> = out(&mut router, Side::B, 100 * MS).iter().map(Vec::len).collect();
        lengths
    };
    assert_eq!(lengths(0), lengths(1));
}

#[test]
fn frames_for_another_station_are_left_alone() {
    let mut router = router(&config());
    let mut frame = segment4(100, |_| ());
    frame[5] ^= 1;
    router.ingress(Side::A, &frame, MS);
    assert_eq!(router.next([true; 2]), None);
}

#[test]
fn a_bad_header_checksum_is_malformed() {
    let mut router = router(&config());
    let mut frame = segment4(100, |_| ());
    frame[24] ^= 1;
    router.ingress(Side::A, &frame, MS);
    assert_eq!(router.counters(Side::A).malformed, 1);
    assert_eq!(router.next([true; 2]), None);
}

#[test]
fn a_report_says_what_is_what_in_json() {
    let mut router = router(&config());
    router.ingress(Side::A, &segment4(1448, |_| ()), MS);
    let report = router.report(1500 * MS, [true, false], true);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["schema"], "nicvmm-path/1");
    assert_eq!(json["final"], true);
    assert_eq!(json["elapsed_seconds"], 1.5);
    assert_eq!(json["connected"], serde_json::json!([true, false]));
    assert_eq!(json["a_to_b"]["frag_needed_sent"], 1);
    assert_eq!(json["a_to_b"]["segment_sizes"]["1448"], 1);
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}

proptest! {
    #[test]
    fn whatever_arrives_the_router_goes_on(
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        changes in proptest::collection::vec((0..600usize, any::<u8>()), 0..12),
        kind in 0..5usize,
    ) {
        let mut config = config();
        config.mss_clamp = Some(MssClamp::Bytes(1320));
        let mut router = router(&config);
        let mut frame = match kind {
            0 => segment4(1448, |_| ()),
            1 => segment6(1448, 64),
            2 => arp(SERVER, SERVER_IP, [10, 0, 1, 1], 1),
            3 => solicitation("fd00:1::2", "fd00:1::1", 255),
            _ => ping(SERVER_IP, [10, 0, 1, 1]),
        };
        for (at, byte) in changes {
            let length = frame.len();
            frame[at % length] = byte;
        }
        router.ingress(Side::A, &frame, MS);
        router.ingress(Side::A, &noise, MS);
        router.tick(MS);
        for side in Side::BOTH {
            for frame in out(&mut router, side, 100 * MS) {
                prop_assert!(LaxSlicedPacket::from_ethernet(&frame).is_ok());
                prop_assert!(frame.len() <= 14 + 1500);
            }
        }
    }
}
