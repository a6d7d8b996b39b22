//! What the C+ chip can beyond what 8139cp asks of it, and QEMU's model cannot.

// Lengths are decimal.
#![allow(clippy::decimal_bitwise_operands)]

use super::guest::{
    EOR, FS, Guest, LGSEN, LS, MAC, OWN, RX_BUFFER, RX_RING, TX_BUFFERS, rx_buffer,
};
use super::{Config, Overrun, Quirks};
use crate::ethernet::testing::{Spec, pattern};
use crate::net::{Metadata, Nic, Receipt};
use crate::pci::Function;

const HIGH_RING: u64 = 0x1_8000;

fn qemu() -> Guest {
    Guest::up(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) })
}

fn frame(number: u8) -> Vec<u8> {
    vec![number; 60 + usize::from(number)]
}

fn to(destination: [u8; 6], length: usize) -> Vec<u8> {
    let mut frame = pattern(length);
    frame[..6].copy_from_slice(&destination);
    frame[12..14].copy_from_slice(&[0x08, 0x06]);
    frame
}

/// Gives the NIC receive buffers of `size` bytes.
fn small_buffers(guest: &mut Guest, size: u32, count: u64) {
    for index in 0..64 {
        let end = if index == 63 { EOR } else { 0 };
        let own = if index < count { OWN } else { 0 };
        guest.put(RX_RING, index, own | end | size, rx_buffer(index));
    }
}

fn queue_high(guest: &mut Guest, index: u64, bytes: &[u8], end: u32) {
    let buffer = TX_BUFFERS + 0x8_0000 + index * 0x1000;
    guest.memory.write(buffer, bytes).unwrap();
    guest.put(HIGH_RING, index, OWN | FS | LS | end | bytes.len() as u32, buffer);
}

#[test]
fn the_high_priority_ring_goes_first() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x28, 4, HIGH_RING as u32);
    guest.queue(&frame(1), 1, 0);
    queue_high(&mut guest, 0, &frame(2), 0);
    queue_high(&mut guest, 1, &frame(3), EOR);
    let _ = guest.write(0xd9, 1, 0xc0);
    guest.work();
    assert_eq!(guest.sent(), [frame(2), frame(3), frame(1)]);
    assert_eq!(guest.word(HIGH_RING, 1, 0) & OWN, 0);
    queue_high(&mut guest, 0, &frame(4), 0);
    let _ = guest.write(0xd9, 1, 0x80);
    guest.work();
    assert_eq!(guest.sent(), [frame(4)]);
}

#[test]
fn a_frame_that_is_open_in_one_ring_does_not_mix_with_the_other() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x28, 4, HIGH_RING as u32);
    guest.memory.write(TX_BUFFERS, &pattern(200)).unwrap();
    guest.put(super::guest::TX_RING, 0, OWN | FS | 150, TX_BUFFERS);
    let _ = guest.write(0xd9, 1, 0x40);
    guest.work();
    queue_high(&mut guest, 0, &frame(2), EOR);
    let _ = guest.write(0xd9, 1, 0x80);
    guest.work();
    guest.put(super::guest::TX_RING, 1, OWN | LS | 50, TX_BUFFERS + 150);
    let _ = guest.write(0xd9, 1, 0x40);
    guest.work();
    assert_eq!(guest.sent(), [frame(2), pattern(200)]);
}

#[test]
fn qemu_leaves_the_high_priority_ring_alone() {
    let mut guest = qemu();
    let _ = guest.write(0x28, 4, HIGH_RING as u32);
    queue_high(&mut guest, 0, &frame(2), EOR);
    let _ = guest.write(0xd9, 1, 0x80);
    guest.work();
    assert!(guest.sent().is_empty());
}

#[test]
fn the_driver_can_ask_for_an_interrupt() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x3c, 2, 0x0100);
    let _ = guest.write(0xd9, 1, 0x01);
    assert!(guest.nic.level());
    assert_eq!(guest.acknowledge(), 0x0100);
    let mut guest = qemu();
    let _ = guest.write(0xd9, 1, 0x01);
    assert_eq!(guest.acknowledge(), 0);
}

#[test]
fn running_out_of_descriptors_is_told_with_the_last_frame() {
    let mut guest = Guest::standard();
    guest.send(&frame(1), 0);
    assert_eq!(guest.acknowledge(), 0x84);
    // A doorbell that was served already has nothing to tell.
    let _ = guest.write(0xd9, 1, 0x40);
    guest.work();
    assert_eq!(guest.acknowledge(), 0);
    let mut guest = qemu();
    guest.send(&frame(1), 0);
    assert_eq!(guest.acknowledge(), 0x04);
}

#[test]
fn short_frames_leave_with_60_bytes() {
    let mut guest = Guest::standard();
    assert_eq!(guest.send(&[7; 20], 0), [[[7; 20].as_slice(), &[0; 40]].concat()]);
    let spec = Spec { payload: pattern(5), ..Spec::default() };
    let segments = guest.send(&spec.build(), LGSEN | 4 << 16);
    assert!(segments.iter().all(|segment| segment.len() == 60));
    assert_eq!(qemu().send(&[7; 20], 0), [[7; 20]]);
}

#[test]
fn a_long_frame_goes_over_as_many_descriptors_as_it_needs() {
    let mut guest = Guest::standard();
    small_buffers(&mut guest, 512, 64);
    let bytes = to(MAC, 1300);
    guest.arrive([bytes.clone(), to(MAC, 60)]);
    let status = [0, 1, 2, 3].map(|index| guest.word(RX_RING, index, 0));
    assert_eq!(status, [0x2200_0200, 0x0200_0200, 0x1200_0518, 0x3200_0040]);
    let got = [guest.received(0, 512), guest.received(1, 512), guest.received(2, 280)].concat();
    assert_eq!(got[..1300], bytes);
    assert_eq!(got[1300..], crc32fast::hash(&bytes).to_le_bytes());
}

#[test]
fn the_fcs_may_lie_in_two_descriptors() {
    let mut guest = Guest::standard();
    small_buffers(&mut guest, 512, 64);
    let bytes = to(MAC, 510);
    guest.arrive([bytes.clone()]);
    let status = [0, 1].map(|index| guest.word(RX_RING, index, 0));
    assert_eq!(status, [0x2200_0200, 0x1200_0202]);
    let fcs = [&guest.received(0, 512)[510..], &guest.received(1, 2)].concat();
    assert_eq!(fcs, crc32fast::hash(&bytes).to_le_bytes());
}

#[test]
fn a_frame_with_too_few_descriptors_waits_and_touches_none() {
    let mut guest = Guest::standard();
    small_buffers(&mut guest, 512, 2);
    guest.arrive([to(MAC, 1300)]);
    assert_eq!([guest.word(RX_RING, 0, 0), guest.acknowledge()], [OWN | 512, 0x10]);
    small_buffers(&mut guest, 512, 3);
    guest.arrive([]);
    assert_eq!(guest.word(RX_RING, 0, 0) & OWN, 0);
}

#[test]
fn in_qemu_a_frame_too_long_for_its_descriptor_is_missed() {
    let mut guest = qemu();
    small_buffers(&mut guest, 512, 64);
    guest.arrive([to(MAC, 509)]);
    assert_eq!([guest.word(RX_RING, 0, 0), guest.read(0x4c, 4)], [OWN | 512, 1]);
    assert_eq!(guest.acknowledge(), 0x10);
}

#[test]
fn a_frame_too_long_for_the_whole_ring_is_dropped() {
    let mut guest = Guest::standard();
    for index in 0..2 {
        let end = if index == 1 { EOR } else { 0 };
        guest.put(RX_RING, index, OWN | end | 256, rx_buffer(index));
    }
    guest.arrive([to(MAC, 1000)]);
    assert_eq!([guest.word(RX_RING, 0, 0), guest.acknowledge()], [OWN | 256, 0x02]);
    for index in 0..64 {
        guest.put(RX_RING, index, OWN, rx_buffer(index));
    }
    guest.arrive([to(MAC, 60)]);
    assert_eq!(guest.acknowledge(), 0x02);
}

#[test]
fn frames_of_more_than_4096_bytes_are_marked() {
    let mut guest = Guest::standard();
    small_buffers(&mut guest, 0x1f00, 64);
    for index in 0..3 {
        guest.put(RX_RING, index, OWN | 0x1f00, TX_BUFFERS + 0x2000 * index);
    }
    guest.arrive([to(MAC, 4092), to(MAC, 4093)]);
    let status = [0, 1].map(|index| guest.word(RX_RING, index, 0));
    assert_eq!(status, [0x3200_1000, 0x3220_1001]);
}

#[test]
fn a_promiscuous_nic_still_tells_to_what_kind_of_address_a_frame_came() {
    let kinds = [MAC, [0xff; 6], [1, 0, 0x5e, 0, 0, 9], [2; 6]];
    for (mut guest, expected) in [
        (Guest::standard(), [0x3200_0040, 0x3100_0040, 0x3400_0040, 0x3000_0040]),
        (qemu(), [0x3000_0040; 4]),
    ] {
        let _ = guest.write(0x44, 4, 0xa401);
        guest.arrive(kinds.map(|kind| to(kind, 60)));
        assert_eq!([0, 1, 2, 3].map(|index| guest.word(RX_RING, index, 0)), expected);
    }
}

#[test]
fn the_tally_counts_what_happened_on_the_wire() {
    let config = Config { overrun: Overrun::Drop, ..Config::new(MAC) };
    let mut guest = Guest::up(config);
    let spec = Spec { payload: pattern(2500), ..Spec::default() };
    guest.send(&spec.build(), LGSEN | 1000 << 16);
    assert_eq!(guest.nic.tally.sent, 3);
    guest.arrive([to(MAC, 60), to([0xff; 6], 60), to([1, 0, 0x5e, 0, 0, 9], 60), to([2; 6], 60)]);
    let tally = guest.nic.tally;
    assert_eq!([tally.received, tally.physical, tally.broadcast], [3, 1, 1]);
    assert_eq!([tally.multicast, tally.receive_errors], [1, 0]);
    small_buffers(&mut guest, RX_BUFFER as u32, 0);
    guest.arrive([to(MAC, 60)]);
    assert_eq!((guest.nic.tally.missed, guest.nic.tally.physical), (1, 1));
}

#[test]
fn the_tally_of_qemu_counts_super_frames_and_refusals() {
    let mut guest = qemu();
    let spec = Spec { payload: pattern(2500), ..Spec::default() };
    guest.send(&spec.build(), LGSEN | 1000 << 16);
    small_buffers(&mut guest, RX_BUFFER as u32, 0);
    guest.arrive([to(MAC, 60), to([2; 6], 60)]);
    let tally = guest.nic.tally;
    assert_eq!([tally.sent, tally.received, tally.physical], [1, 0, 1]);
    assert_eq!((tally.receive_errors, tally.missed), (2, 1));
}

#[test]
fn missed_packets_have_24_bits_and_32_in_qemu() {
    for (mut guest, expected) in [(Guest::standard(), 0), (qemu(), 0x0100_0000)] {
        guest.nic.config.overrun = Overrun::Drop;
        guest.nic.registers.set(super::registers::Reg::Mpc, 0x00ff_ffff);
        small_buffers(&mut guest, RX_BUFFER as u32, 0);
        guest.arrive([to(MAC, 60)]);
        assert_eq!(guest.read(0x4c, 4), expected);
    }
}

#[test]
fn in_qemu_a_descriptor_comes_back_before_its_frame_is_complete() {
    let mut guest = qemu();
    let bytes = pattern(200);
    guest.memory.write(TX_BUFFERS, &bytes).unwrap();
    guest.put(super::guest::TX_RING, 0, OWN | FS | 150, TX_BUFFERS);
    let _ = guest.write(0xd9, 1, 0x40);
    guest.work();
    assert_eq!([guest.word(super::guest::TX_RING, 0, 0), guest.acknowledge()], [FS | 150, 0x04]);
    guest.memory.write(TX_BUFFERS, &[0; 150]).unwrap();
    guest.put(super::guest::TX_RING, 1, OWN | LS | 50, TX_BUFFERS + 150);
    let _ = guest.write(0xd9, 1, 0x40);
    guest.work();
    assert_eq!(guest.sent(), [bytes]);
}

#[test]
fn in_qemu_memory_out_of_reach_reads_as_zeros() {
    let mut guest = qemu();
    guest.put(super::guest::TX_RING, 0, OWN | EOR | FS | LS | 60, 0x1f_fff0);
    guest.memory.write(0x1f_fff0, &[9; 16]).unwrap();
    let _ = guest.write(0xd9, 1, 0x40);
    guest.work();
    assert_eq!(guest.sent(), [[[9; 16].as_slice(), &[0; 44]].concat()]);
    assert_eq!(guest.acknowledge(), 0x04);
}

#[test]
fn in_qemu_a_doorbell_is_good_for_64_descriptors() {
    let mut guest = qemu();
    for _ in 0..64 {
        guest.queue(&frame(1), 1, 0);
    }
    let _ = guest.write(0xd9, 1, 0x40);
    let _ = guest.nic.transmit(&mut guest.wire);
    for _ in 0..64 {
        guest.queue(&frame(1), 1, 0);
    }
    guest.work();
    assert_eq!(guest.sent().len(), 64);
}

#[test]
fn qemu_computes_the_fcs_of_a_short_frame_without_its_padding() {
    let short = to(MAC, 30);
    let mut guest = qemu();
    guest.arrive([short.clone()]);
    assert_eq!(guest.received(0, 64)[60..], crc32fast::hash(&short).to_le_bytes());
}

#[test]
fn a_frame_that_lost_its_tag_is_padded_again_in_qemu_only() {
    let mut tagged = to(MAC, 60);
    tagged[12..16].copy_from_slice(&[0x81, 0x00, 0x01, 0x23]);
    for (mut guest, length) in [(Guest::standard(), 0x3c), (qemu(), 0x40)] {
        let _ = guest.write(0xe0, 2, 0x6b);
        guest.arrive([tagged.clone()]);
        assert_eq!(guest.word(RX_RING, 0, 0), 0x3200_0000 | length);
    }
}

#[test]
fn in_qemu_a_tag_costs_a_looped_frame_its_last_bytes() {
    for (mut guest, length) in [(Guest::standard(), 0x6c), (qemu(), 0x68)] {
        let _ = guest.write(0x40, 4, 0x0306_0600);
        guest.queue(&to(MAC, 100), 1, 0);
        guest.memory.write_u32(super::guest::TX_RING + 4, 0x0002_2301).unwrap();
        let _ = guest.write(0xd9, 1, 0x40);
        guest.work();
        assert_eq!(guest.word(RX_RING, 0, 0), 0x3200_0000 | length);
    }
}

#[test]
fn what_a_driver_leaves_in_a_receive_descriptor_stays_in_qemu_only() {
    for (mut guest, status) in [(Guest::standard(), 0x3200_0040), (qemu(), 0x32f8_0040)] {
        guest.put(RX_RING, 0, OWN | 0x00f8_0600, rx_buffer(0));
        guest.arrive([to(MAC, 60)]);
        assert_eq!(guest.word(RX_RING, 0, 0), status);
    }
}

#[test]
fn in_loopback_a_c_plus_nic_without_room_loses_the_frame() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x40, 4, 0x0306_0600);
    small_buffers(&mut guest, RX_BUFFER as u32, 0);
    guest.send(&to(MAC, 60), 0);
    assert_eq!([guest.read(0x4c, 4), guest.acknowledge()], [1, 0x94]);
    assert_eq!(guest.nic.receive(&to([2; 6], 60), Metadata::default()), Receipt::Done);
}
