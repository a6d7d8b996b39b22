use super::super::IcmpPolicy;
use super::super::units::{Queue, Rate};
use super::tests::*;
use super::*;

/// What is said about `frame`; nothing is "".
fn said(router: &mut Router, frame: &[u8]) -> String {
    router.ingress(Side::A, frame, MS).map(|remark| remark.to_string()).unwrap_or_default()
}

/// What is said about a packet of 1500 bytes.
fn said_of_1500(config: &PathConfig) -> String {
    said(&mut router(config), &segment4(1460, |_| ()))
}

#[test]
fn a_packet_that_passes_is_not_worth_a_word() {
    assert_eq!(said(&mut router(&config()), &segment4(100, |_| ())), "");
}

#[test]
fn a_packet_over_the_mtu_is_called_so_with_what_its_sender_hears() {
    assert_eq!(said_of_1500(&config()), "dropped: 1500 > MTU 1420, ICMP 3/4 sent");
    let icmp = IcmpPolicy::None;
    let silent = said_of_1500(&PathConfig { icmp, ..config() });
    assert_eq!(silent, "dropped: 1500 > MTU 1420, ICMP kept back by policy");
    let filtered = said_of_1500(&PathConfig { icmp_filter: [true, false], ..config() });
    let expected = "dropped: 1500 > MTU 1420, ICMP 3/4 sent, but the sender's firewall takes none";
    assert_eq!(filtered, expected);
    let ipv6 = said(&mut router(&config()), &segment6(1440, 64));
    assert_eq!(ipv6, "dropped: 1500 > MTU 1420, ICMPv6 2/0 sent");
}

#[test]
fn in_a_chain_the_first_link_that_is_too_tight_is_named() {
    let said = said_of_1500(&PathConfig { chain: vec![1480], ..config() });
    assert_eq!(said, "dropped: 1500 > MTU 1480, ICMP 3/4 sent");
}

#[test]
fn a_fragmented_packet_is_called_so_with_its_pieces_and_how_many_were_lost() {
    let fragile = segment4(1460, |header| header.dont_fragment = false);
    let whole = said(&mut router(&config()), &fragile);
    assert_eq!(whole, "fragmented: 1500 > MTU 1420, 2 pieces");
    let (rate, queue) = (Some(Rate(1_000_000)), Some(Queue::Bytes(100)));
    let mut narrow = router(&PathConfig { rate, queue, ..config() });
    let cut = said(&mut narrow, &fragile);
    assert_eq!(cut, "fragmented: 1500 > MTU 1420, 2 pieces, 1 of them dropped");
    let mut chain = router(&PathConfig { chain: vec![1480, 1450], ..config() });
    assert_eq!(said(&mut chain, &fragile), "fragmented: 1500 > MTU 1420, 4 pieces");
}

#[test]
fn a_loss_and_a_full_queue_are_told_apart() {
    let lost = said(&mut router(&PathConfig { loss: 1.0, ..config() }), &segment4(100, |_| ()));
    assert_eq!(lost, "dropped: lost on purpose");
    let (rate, queue) = (Some(Rate(1_000_000)), Some(Queue::Bytes(100)));
    let mut narrow = router(&PathConfig { rate, queue, ..config() });
    assert_eq!(said(&mut narrow, &segment4(100, |_| ())), "");
    assert_eq!(said(&mut narrow, &segment4(100, |_| ())), "dropped: the queue is full");
}

#[test]
fn a_packet_that_leads_nowhere_or_has_no_hop_left_is_called_so() {
    let mut router = router(&config());
    let nowhere = segment4(100, |header| header.destination = [192, 0, 2, 1]);
    assert_eq!(said(&mut router, &nowhere), "dropped: leads nowhere, ICMP 3/0 sent");
    let short = segment4(100, |header| header.time_to_live = 1);
    assert_eq!(said(&mut router, &short), "dropped: no hop left, ICMP 11/0 sent");
    assert_eq!(said(&mut router, &[0; 20]), "");
    assert_eq!(said(&mut router, &[0; 13]), "dropped: malformed");
}

#[test]
fn filtered_icmp_and_a_lowered_mss_are_named() {
    let mut config = config();
    config.icmp_filter = [false, true];
    config.mss_clamp = Some(MssClamp::Bytes(1320));
    let mut router = router(&config);
    let mut unreachable = ping(SERVER_IP, CLIENT_IP);
    unreachable[34] = 3;
    assert_eq!(said(&mut router, &unreachable), "dropped: the firewall of port b takes no ICMP");
    let mut syn = Vec::new();
    etherparse::PacketBuilder::ethernet2(SERVER, [2, 0, 0, 0, 0, 0x0a])
        .ipv4(SERVER_IP, CLIENT_IP, 64)
        .tcp(80, 4000, 1, 1000)
        .syn()
        .options_raw(&[2, 4, 5, 180])
        .unwrap()
        .write(&mut syn, &[])
        .unwrap();
    assert_eq!(said(&mut router, &syn), "changed: MSS lowered to 1320");
}

#[test]
fn what_the_path_answers_itself_and_what_waits_is_named() {
    let mut router = Router::new(&config());
    let waits = "waits: the next hop is asked for its address";
    assert_eq!(said(&mut router, &segment4(100, |_| ())), waits);
    assert_eq!(said(&mut router, &segment4(100, |_| ())), waits);
    let question = arp(SERVER, SERVER_IP, [10, 0, 1, 1], 1);
    assert_eq!(said(&mut router, &question), "answered: ARP");
    assert_eq!(said(&mut router, &ping(SERVER_IP, [10, 0, 1, 1])), "answered: echo");
}
