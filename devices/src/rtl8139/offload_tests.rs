use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;

use super::*;
use crate::ethernet::testing::{Spec, frames, memory, parse, pattern, scatter};

const ASKED_ALL: u32 = IP_CHECKSUM | UDP_CHECKSUM | TCP_CHECKSUM;

fn sent(frame: &[u8], command: u32, tag: u32, rules: Rules) -> Vec<Vec<u8>> {
    let memory = memory();
    let gather = scatter(&memory, frame, &[77, 1200]);
    let mut batch = Batch::default();
    let request = Request { command: 0xb000_0000 | command, tag };
    push(&memory, &gather, request, rules, Offloads::default(), &mut batch).unwrap();
    frames(&memory, &batch).into_iter().map(|(bytes, _)| bytes).collect()
}

fn large(mss: u32) -> u32 {
    LARGE_SEND | mss << MSS_SHIFT
}

fn lengths(frames: &[Vec<u8>]) -> Vec<usize> {
    frames.iter().map(Vec::len).collect()
}

fn udp(payload: usize) -> Vec<u8> {
    let mut frame = Spec { payload: pattern(payload), ..Spec::default() }.build();
    let length = (payload + 8) as u16;
    frame.drain(42..54);
    frame[16..18].copy_from_slice(&(length + 20).to_be_bytes());
    frame[23] = UDP;
    frame[38..40].copy_from_slice(&length.to_be_bytes());
    frame[40..42].copy_from_slice(&[0xde, 0xad]);
    frame
}

/// Whether the IP checksum and the UDP checksum hold.
fn sound(frame: &[u8]) -> (bool, bool) {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(NetSlice::Ipv4(ip)) = &packet.net else { panic!("no IPv4") };
    let Some(TransportSlice::Udp(udp)) = &packet.transport else { panic!("no UDP") };
    let header = ip.header().to_header();
    let checksum = udp.to_header().calc_checksum_ipv4(&header, udp.payload()).unwrap();
    (header.header_checksum == header.calc_header_checksum(), udp.checksum() == checksum)
}

#[test]
fn the_mss_is_obeyed_or_ignored_as_the_nic_is() {
    let frame = Spec { payload: pattern(1500), ..Spec::default() }.build();
    assert_eq!(lengths(&sent(&frame, large(536), 0, Rules::NONE)), [590, 590, 482]);
    assert_eq!(lengths(&sent(&frame, large(536), 0, Rules::QEMU_5_2)), [1514, 94]);
    assert_eq!(lengths(&sent(&frame, large(0), 0, Rules::QEMU_5_2)), [1514, 94]);
}

#[test]
fn a_super_frame_with_mss_0_leaves_untouched() {
    let frame = Spec { payload: pattern(4000), ..Spec::default() }.build();
    assert_eq!(sent(&frame, large(0), 0, Rules::NONE), [frame]);
}

#[test]
fn the_mss_field_has_eleven_bits() {
    let frame = Spec { payload: pattern(4000), ..Spec::default() }.build();
    assert_eq!(lengths(&sent(&frame, large(2047), 0, Rules::NONE)), [2101, 2007]);
}

#[test]
fn super_frames_without_payload_are_swallowed_by_the_historical_nic_only() {
    let frame = Spec { payload: Vec::new(), ..Spec::default() }.build();
    assert!(sent(&frame, large(1460), 0, Rules::QEMU_5_2).is_empty());
    assert_eq!(parse(&sent(&frame, large(1460), 0, Rules::NONE)[0]).length, 54);
}

#[test]
fn a_backend_that_takes_super_frames_gets_them_from_the_corrected_nic_only() {
    let memory = memory();
    let gather = scatter(&memory, &Spec::default().build(), &[500]);
    let offloads = Offloads { checksum: true, tso4: true, tso6: true };
    let request = Request { command: large(1000), tag: 0 };
    let count = |rules| {
        let mut batch = Batch::default();
        push(&memory, &gather, request, rules, offloads, &mut batch).unwrap();
        batch.len()
    };
    assert_eq!([count(Rules::NONE), count(Rules::QEMU_5_2)], [1, 3]);
}

#[test]
fn each_checksum_is_filled_in_where_it_is_asked_for() {
    let frame = udp(333);
    for rules in [Rules::NONE, Rules::QEMU_5_2] {
        let worth = |command| sound(&sent(&frame, command, 0, rules)[0]);
        assert_eq!(worth(0), (false, false));
        assert_eq!(worth(IP_CHECKSUM), (true, false));
        assert_eq!(worth(UDP_CHECKSUM), (false, true));
        assert_eq!(worth(IP_CHECKSUM | UDP_CHECKSUM), (true, true));
        assert_eq!(worth(TCP_CHECKSUM), (false, false));
    }
}

#[test]
fn tcp_checksums_are_filled_in() {
    let spec = Spec { payload: pattern(1001), ip_options: 8, tcp_options: 12, ..Spec::default() };
    let frames = sent(&spec.build(), IP_CHECKSUM | TCP_CHECKSUM, 0, Rules::NONE);
    assert_eq!(parse(&frames[0]).payload, spec.payload);
}

#[test]
fn padding_beyond_the_ip_length_is_sent_and_not_summed() {
    let mut frame = udp(3);
    frame.extend([0xee; 15]);
    let bytes = sent(&frame, IP_CHECKSUM | UDP_CHECKSUM, 0, Rules::NONE).remove(0);
    assert_eq!(sound(&bytes), (true, true));
    assert_eq!(bytes[45..], [0xee; 15]);
}

#[test]
fn a_udp_checksum_of_zero_goes_out_as_all_ones_but_from_the_historical_nic() {
    let mut frame = udp(2);
    frame[42..].fill(0);
    let checksum = |frame: &[u8], rules| sent(frame, UDP_CHECKSUM, 0, rules)[0][40..42].to_vec();
    let rest = checksum(&frame, Rules::NONE);
    frame[42..].copy_from_slice(&rest);
    assert_eq!(checksum(&frame, Rules::NONE), [0xff, 0xff]);
    assert_eq!(checksum(&frame, Rules::QEMU_5_2), [0, 0]);
}

#[test]
fn the_historical_nic_takes_bits_of_the_mss_for_checksum_commands() {
    let frame = udp(100);
    let worth = |mss, rules| sound(&sent(&frame, large(mss), 0, rules)[0]);
    assert_eq!(worth(7, Rules::QEMU_5_2), (true, true));
    assert_eq!(worth(6, Rules::QEMU_5_2), (true, true));
    assert_eq!(worth(7, Rules::NONE), (false, false));
    assert_eq!(worth(6, Rules::NONE), (false, false));
    assert_eq!(worth(8, Rules::QEMU_5_2), (false, false));
}

#[test]
fn the_historical_nic_fills_in_the_ip_checksum_of_a_super_frame_it_cannot_cut() {
    let mut frame = Spec { payload: pattern(3000), ..Spec::default() }.build();
    frame[46] = 0x40;
    let same = sent(&frame, large(4), 0, Rules::NONE).remove(0);
    assert_eq!(same, frame);
    let filled = sent(&frame, large(4), 0, Rules::QEMU_5_2).remove(0);
    assert_ne!(filled[24..26], frame[24..26]);
    assert_eq!(filled[26..], frame[26..]);
}

#[test]
fn a_tag_is_inserted_into_plain_frames_and_segments_alike() {
    let tag = INSERT_TAG | 0x2301;
    let plain = sent(&pattern(60), 0, tag, Rules::NONE).remove(0);
    let original = pattern(60);
    assert_eq!(plain, [&original[..12], &[0x81, 0, 0x01, 0x23], &original[12..]].concat());
    let frame = Spec::default().build();
    assert_eq!(lengths(&sent(&frame, large(9), tag, Rules::QEMU_5_2)), [1518, 1518, 1234]);
    let segments = sent(&frame, large(1460), tag, Rules::NONE);
    assert!(segments.iter().all(|bytes| parse(bytes).vlan == Some(0x123)));
    let summed = sent(&udp(9), IP_CHECKSUM | UDP_CHECKSUM, tag, Rules::NONE).remove(0);
    assert_eq!(sound(&summed), (true, true));
}

#[test]
fn a_frame_too_short_for_a_tag_goes_without() {
    for length in [1, 11] {
        assert_eq!(sent(&pattern(length), 0, INSERT_TAG, Rules::NONE), [pattern(length)]);
    }
    assert_eq!(sent(&pattern(12), 0, INSERT_TAG, Rules::NONE)[0].len(), 16);
}

#[test]
fn ipv6_leaves_untouched() {
    let frame = Spec { ipv6: true, ..Spec::default() }.build();
    for rules in [Rules::NONE, Rules::QEMU_5_2] {
        assert_eq!(sent(&frame, large(1000), 0, rules), [&frame[..]]);
        assert_eq!(sent(&frame, ASKED_ALL, 0, rules), [&frame[..]]);
    }
}

#[test]
fn a_frame_with_a_tag_of_its_own_is_cut_by_the_corrected_nic_only() {
    let frame = Spec { vlan: Some(7), ..Spec::default() }.build();
    assert_eq!(lengths(&sent(&frame, large(1460), 0, Rules::NONE)), [1518, 1518, 1234]);
    assert_eq!(sent(&frame, large(1460), 0, Rules::QEMU_5_2), [frame]);
}

/// Length fields that lie, as in CVE-2015-5165: what leaves is what came, never more.
#[test]
fn frames_whose_length_fields_lie_leave_as_they_came() {
    let whole = Spec { payload: pattern(100), ..Spec::default() }.build();
    let lies: [fn(&mut Vec<u8>); 9] = [
        |f| f[16] = 0xff,
        |f| f[16..18].fill(0),
        |f| f[14] = 0x44,
        |f| f[14] = 0x40,
        |f| f[14] = 0x65,
        |f| f.truncate(33),
        |f| f.truncate(13),
        |f| f.truncate(1),
        |f| f[13] = 1,
    ];
    for lie in lies {
        let mut frame = whole.clone();
        lie(&mut frame);
        for rules in [Rules::NONE, Rules::QEMU_5_2] {
            for command in [large(1000), ASKED_ALL] {
                assert_eq!(sent(&frame, command, 0, rules), [&frame[..]]);
            }
        }
    }
}

#[test]
fn a_tcp_header_beyond_its_packet_is_not_cut() {
    let whole = Spec { payload: pattern(8), ..Spec::default() }.build();
    let lies: [fn(&mut Vec<u8>); 3] = [|f| f[46] = 0xf0, |f| f[46] = 0x40, |f| f[17] = 39];
    for lie in lies {
        let mut frame = whole.clone();
        lie(&mut frame);
        assert_eq!(sent(&frame, large(1000), 0, Rules::NONE), [&frame[..]]);
        assert_eq!(sent(&frame, large(1000), 0, Rules::QEMU_5_2).len(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever headers and commands say, no byte leaves that the guest did not hand over.
    #[test]
    fn headers_of_any_kind_never_make_a_frame_longer(
        changes in proptest::collection::vec((0usize..60, any::<u8>()), 0..4),
        length in 1usize..3000,
        command: u32,
        historical: bool,
    ) {
        let mut frame = Spec { payload: pattern(3000), ..Spec::default() }.build();
        for (at, value) in changes {
            frame[at] = value;
        }
        frame[17] = frame[17].wrapping_add(length as u8);
        frame.truncate(length);
        let rules = if historical { Rules::QEMU_5_2 } else { Rules::NONE };
        for bytes in sent(&frame, command & 0x0fff_0000, 0, rules) {
            prop_assert!(bytes.len() <= frame.len());
        }
    }
}

#[test]
fn qemu_fills_in_a_checksum_beyond_a_packet_that_has_no_room_for_it() {
    let mut frame = Spec { payload: pattern(40), ..Spec::default() }.build();
    frame[16..18].copy_from_slice(&24u16.to_be_bytes());
    assert_eq!(sent(&frame, TCP_CHECKSUM, 0, Rules::NONE), [&frame[..]]);
    let filled = sent(&frame, TCP_CHECKSUM, 0, Rules::QEMU_7_2).remove(0);
    assert_eq!(filled[..50], frame[..50]);
    assert_ne!(filled[50..52], frame[50..52]);
    assert_eq!(filled[52..], frame[52..]);
    let stump = &frame[..51];
    assert_eq!(sent(stump, TCP_CHECKSUM, 0, Rules::QEMU_7_2)[0].len(), 51);
}

#[test]
fn qemu_loses_push_and_fin_and_does_not_look_behind_tags() {
    let spec = Spec { flags: 0x99, payload: pattern(2500), ..Spec::default() };
    let flags = |rules| -> Vec<u8> {
        sent(&spec.build(), large(1000), 0, rules).iter().map(|bytes| parse(bytes).flags).collect()
    };
    assert_eq!(flags(Rules::QEMU_7_2), [0x90; 3]);
    assert_eq!(flags(Rules::NONE), [0x90, 0x10, 0x19]);
}
