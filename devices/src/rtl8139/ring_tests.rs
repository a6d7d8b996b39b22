use super::super::guest::{Guest, MAC, RX_BUFFERS};
use super::super::{Chip, Config, Overrun, Quirks};
use crate::bus::Action;
use crate::ethernet::testing::pattern;
use crate::net::{Metadata, Nic, Receipt};

const CAPR: u64 = 0x38;
const CBR: u64 = 0x3a;
const WRAP: u32 = 0x80;

fn to(destination: [u8; 6], length: usize) -> Vec<u8> {
    let mut frame = pattern(length);
    frame[..6].copy_from_slice(&destination);
    frame
}

fn guest(size: u32) -> Guest {
    Guest::c_mode(Config { chip: Chip::Rtl8139, ..Config::new(MAC) }, size)
}

fn without_wrap(mut guest: Guest) -> Guest {
    let rcr = guest.read(0x44, 4);
    let _ = guest.write(0x44, 4, rcr & !WRAP);
    guest
}

fn qemu(quirks: Quirks, size: u32) -> Guest {
    Guest::c_mode(Config { quirks, ..Config::new(MAC) }, size)
}

/// Reads the frame at `at` as 8139too does and moves CAPR behind it; answers status, frame with
/// FCS, and where the next one starts.
fn take(guest: &mut Guest, at: u64, size: u64) -> (u32, Vec<u8>, u64) {
    let header = u32::from_le_bytes(guest.ring(at, 4).try_into().unwrap());
    let frame = guest.ring(at + 4, (header >> 16) as usize);
    let next = (at + u64::from(header >> 16) + 4 + 3) & !3;
    let _ = guest.write(CAPR, 2, (next as u32).wrapping_sub(16) & 0xffff);
    (header & 0xffff, frame, next % size)
}

#[test]
fn a_frame_arrives_with_header_and_fcs() {
    let mut guest = guest(2);
    let frame = to(MAC, 60);
    assert_eq!(guest.read(0x37, 1), 0x0d);
    guest.arrive([frame.clone()]);
    assert_eq!(guest.ring(0, 4), [0x01, 0x40, 0x40, 0x00]);
    assert_eq!(guest.ring(4, 60), frame);
    assert_eq!(guest.ring(64, 4), crc32fast::hash(&frame).to_le_bytes());
    assert_eq!(
        [guest.read(CBR, 2), guest.read(CAPR, 2), guest.read(0x37, 1)],
        [0x44, 0xfff0, 0x0c]
    );
    assert_eq!(guest.acknowledge(), 0x01);
}

#[test]
fn the_header_tells_to_what_kind_of_address_a_frame_came() {
    for (destination, status) in [([0xff; 6], 0x2001), ([1, 0, 0x5e, 0, 0, 1], 0x8001)] {
        let mut guest = guest(2);
        guest.arrive([to(destination, 60)]);
        assert_eq!(take(&mut guest, 0, 32768).0, status);
    }
    let mut guest = guest(2);
    guest.arrive([to([2; 6], 60)]);
    assert_eq!(guest.read(CBR, 2), 0);
}

#[test]
fn frames_start_at_multiples_of_four_and_the_ring_empties_as_capr_moves() {
    let mut guest = guest(2);
    guest.arrive([to(MAC, 61), to(MAC, 62)]);
    assert_eq!(guest.read(CBR, 2), 72 + 72);
    let (_, first, next) = take(&mut guest, 0, 32768);
    assert_eq!((first.len(), next), (65, 72));
    assert_eq!(guest.read(0x37, 1) & 1, 0);
    let (_, second, _) = take(&mut guest, next, 32768);
    assert_eq!(second[..62], to(MAC, 62));
    assert_eq!([guest.read(0x37, 1) & 1, guest.read(CAPR, 2)], [1, 128]);
}

#[test]
fn thousands_of_frames_pass_through_a_ring_of_each_size_with_and_without_wrap() {
    for size in 0..4 {
        for splits in [true, false] {
            let mut guest = guest(size);
            let bytes = 8192u64 << size;
            if splits {
                guest = without_wrap(guest);
            }
            let mut at = 0;
            for number in 0..600usize {
                let frame = to(MAC, 60 + number * 7 % 1400);
                guest.arrive([frame.clone()]);
                let header = u32::from_le_bytes(guest.ring(at, 4).try_into().unwrap());
                let length = (header >> 16) as usize;
                let mut got = guest.ring(at + 4, length);
                if splits || size == 3 {
                    let split = (bytes - at - 4).min(length as u64) as usize;
                    let rest = guest.ring(0, length - split);
                    got[split..].copy_from_slice(&rest);
                }
                assert_eq!(got[..frame.len()], frame, "{size} {splits} {number}");
                assert_eq!(got[frame.len()..], crc32fast::hash(&frame).to_le_bytes());
                at = (at + length as u64 + 4).next_multiple_of(4) % bytes;
                let _ = guest.write(CAPR, 2, (at as u32).wrapping_sub(16) & 0xffff);
                assert_eq!(guest.read(0x37, 1) & 1, 1);
            }
        }
    }
}

#[test]
fn a_full_ring_holds_frames_on_the_wire_until_the_driver_has_read() {
    let mut guest = guest(0);
    guest.arrive((0..6).map(|_| to(MAC, 1514)));
    assert_eq!(guest.wire.incoming.len(), 1);
    assert_eq!(guest.read(0x3e, 2), 0x11);
    let (.., next) = take(&mut guest, 0, 8192);
    assert_eq!(guest.write(0x3e, 2, 0x11), Action::Service);
    guest.arrive([]);
    assert!(guest.wire.incoming.is_empty());
    assert_eq!(next, 1524);
}

#[test]
fn a_nic_that_drops_counts_what_it_missed_in_c_mode() {
    let config = Config { overrun: Overrun::Drop, ..Config::new(MAC) };
    let mut guest = Guest::c_mode(config, 0);
    guest.arrive((0..8).map(|_| to(MAC, 1514)));
    assert_eq!([guest.read(0x4c, 4), guest.acknowledge()], [3, 0x11]);
    assert_eq!(guest.nic.tally.missed, 3);
}

#[test]
fn the_ring_never_gets_so_full_that_it_looks_empty() {
    let mut guest = guest(0);
    // 128 frames of 64 bytes each would fill it to the last byte.
    guest.arrive((0..128).map(|_| to(MAC, 60 - 4)));
    let mut frames = 0;
    let mut at = 0;
    while guest.read(0x37, 1) & 1 == 0 {
        at = take(&mut guest, at, 8192).2;
        frames += 1;
    }
    assert_eq!(frames, 8191 / 68);
}

#[test]
fn writing_the_configuration_keeps_what_is_in_the_ring_unless_its_size_changes() {
    let mut guest = guest(0);
    guest.arrive([to(MAC, 60)]);
    let rcr = guest.read(0x44, 4);
    let _ = guest.write(0x44, 4, rcr | 1);
    assert_eq!(guest.read(CBR, 2), 68);
    let _ = guest.write(0x44, 4, rcr | 0x800);
    assert_eq!([guest.read(CBR, 2), guest.read(0x37, 1) & 1], [0, 1]);
}

#[test]
fn switching_the_receiver_on_empties_the_ring() {
    let mut guest = guest(0);
    guest.arrive([to(MAC, 60)]);
    let _ = guest.write(0x37, 1, 0x0c);
    assert_eq!(guest.read(CBR, 2), 68);
    let _ = guest.write(0x37, 1, 0x04);
    let _ = guest.write(0x37, 1, 0x0c);
    assert_eq!([guest.read(CBR, 2), guest.read(CAPR, 2)], [0, 0xfff0]);
}

#[test]
fn in_qemu_each_write_of_the_configuration_empties_the_ring() {
    let mut guest = qemu(Quirks::QEMU_7_2, 0);
    guest.arrive([to(MAC, 60)]);
    let rcr = guest.read(0x44, 4);
    let _ = guest.write(0x44, 4, rcr);
    assert_eq!(guest.read(CBR, 2), 0);
}

#[test]
fn qemu_waits_for_1514_bytes_of_room_while_rovw_is_masked() {
    let mut guest = qemu(Quirks::QEMU_7_2, 0);
    let _ = guest.write(0x3c, 2, 1);
    guest.arrive((0..6).map(|_| to(MAC, 1514)));
    assert_eq!([guest.read(0x3e, 2), guest.read(0x4c, 4)], [0x01, 0]);
    assert_eq!(guest.wire.incoming.len(), 1);
    guest.arrive([]);
    assert_eq!(guest.wire.incoming.len(), 1);
    let _ = guest.write(CAPR, 2, 0x05e0);
    guest.arrive([]);
    assert!(guest.wire.incoming.is_empty());
}

#[test]
fn in_qemu_a_write_of_capr_pushes_the_waiting_frame_in_even_without_room() {
    let mut guest = qemu(Quirks::QEMU_7_2, 0);
    let _ = guest.write(0x3c, 2, 1);
    let _ = guest.write(CAPR, 2, 0);
    guest.arrive([to(MAC, 60)]);
    assert_eq!([guest.read(0x4c, 4), guest.read(0x3e, 2)], [0, 0]);
    let _ = guest.write(CAPR, 2, 0);
    guest.arrive([]);
    assert_eq!([guest.read(0x4c, 4), guest.read(0x3e, 2)], [1, 0x10]);
}

#[test]
fn qemu_counts_one_overflow_and_takes_nothing_until_capr_is_written() {
    let mut guest = qemu(Quirks::QEMU_7_2, 0);
    guest.arrive((0..6).map(|_| to(MAC, 1514)));
    guest.arrive([]);
    assert_eq!([guest.read(0x3e, 2), guest.read(0x4c, 4)], [0x11, 1]);
    let rcr = guest.read(0x44, 4);
    let _ = guest.write(0x44, 4, rcr);
    guest.arrive([]);
    assert_eq!(guest.wire.incoming.len(), 1);
    let _ = guest.write(CAPR, 2, 0xfff0);
    guest.arrive([]);
    assert!(guest.wire.incoming.is_empty());
}

#[test]
fn runts_pass_only_with_accept_runt() {
    let mut guest = guest(2);
    let _ = guest.write(0x40, 4, 0x0306_0600);
    guest.hand_over(0, &to(MAC, 30));
    guest.work();
    assert_eq!([guest.read(CBR, 2), guest.acknowledge()], [0, 0x06]);
    let rcr = guest.read(0x44, 4);
    let _ = guest.write(0x44, 4, rcr | 0x10);
    guest.hand_over(1, &to(MAC, 30));
    guest.work();
    let (status, frame, _) = take(&mut guest, 0, 32768);
    assert_eq!((status, frame.len()), (0x4011, 34));
}

#[test]
fn frames_of_more_than_4096_bytes_pass_only_with_accept_errors() {
    let mut guest = guest(2);
    guest.arrive([to(MAC, 4092), to(MAC, 4093)]);
    assert_eq!([guest.read(CBR, 2), guest.acknowledge()], [4100, 0x03]);
    let rcr = guest.read(0x44, 4);
    let _ = guest.write(0x44, 4, rcr | 0x20);
    guest.arrive([to(MAC, 4093)]);
    assert_eq!(take(&mut guest, 4100, 32768).0, 0x4009);
}

#[test]
fn a_frame_that_no_ring_can_hold_is_dropped() {
    let mut guest = guest(0);
    let rcr = guest.read(0x44, 4);
    let _ = guest.write(0x44, 4, rcr | 0x20);
    for length in [8184, 8185, 9000, 65536, 1 << 20] {
        assert_eq!(guest.nic.receive(&to(MAC, length), Metadata::default()), Receipt::Done);
        assert_eq!(guest.read(CBR, 2), 0);
    }
}

#[test]
fn qemu_takes_short_and_long_frames_and_lets_them_run_over_the_ring() {
    let mut guest = qemu(Quirks::QEMU_7_2, 0);
    let _ = guest.write(0x40, 4, 0x0306_0600);
    guest.hand_over(0, &to(MAC, 30));
    guest.work();
    assert_eq!([guest.read(CBR, 2), guest.acknowledge()], [68, 0x05]);
    let _ = guest.write(CAPR, 2, 68 - 16);
    let long = to(MAC, 20000);
    guest.arrive([long.clone()]);
    assert_eq!(guest.ring(72, 20000), long);
    assert_eq!(guest.acknowledge(), 0x01);
}

#[test]
fn frames_in_loopback_are_padded_on_the_way_in_qemu_7_2_and_by_the_receiver_in_5_2() {
    for (quirks, padded) in [(Quirks::QEMU_7_2, true), (Quirks::QEMU_5_2, false)] {
        let mut guest = Guest::up(Config { quirks, ..Config::new(MAC) });
        let _ = guest.write(0x40, 4, 0x0306_0600);
        let frame = to(MAC, 30);
        guest.send(&frame, 0);
        let fcs = guest.received(0, 64)[60..].to_vec();
        let whole = [&frame[..], &[0; 30]].concat();
        assert_eq!(fcs == crc32fast::hash(&whole).to_le_bytes(), padded);
        assert_eq!(fcs == crc32fast::hash(&frame).to_le_bytes(), !padded);
    }
}

#[test]
fn in_qemu_frames_in_loopback_are_lost_where_the_wire_would_wait_or_is_cut() {
    let mut guest = qemu(Quirks::QEMU_7_2, 0);
    let _ = guest.write(0x3c, 2, 1);
    let _ = guest.write(0x40, 4, 0x0306_0600);
    let _ = guest.write(CAPR, 2, 0);
    guest.hand_over(0, &to(MAC, 60));
    guest.work();
    assert_eq!([guest.read(CBR, 2), guest.read(0x4c, 4), guest.acknowledge()], [0, 0, 0x04]);
    let _ = guest.write(CAPR, 2, 0xfff0);
    guest.nic.set_link(false);
    guest.hand_over(1, &to(MAC, 60));
    guest.work();
    assert_eq!([guest.read(CBR, 2), guest.acknowledge()], [0, 0x24]);
}

#[test]
fn the_loopback_of_the_chip_needs_no_cable() {
    let mut guest = guest(0);
    let _ = guest.write(0x40, 4, 0x0306_0600);
    guest.nic.set_link(false);
    guest.hand_over(0, &to(MAC, 60));
    guest.work();
    assert_eq!(guest.read(CBR, 2), 68);
}

#[test]
fn a_ring_outside_of_ram_is_a_system_error_and_moves_no_pointer() {
    let mut guest = guest(0);
    let _ = guest.write(0x30, 4, 0xffff_f000);
    guest.arrive([to(MAC, 60)]);
    assert_eq!([guest.read(CBR, 2), guest.acknowledge()], [0, 0x8000]);
    let mut guest = qemu(Quirks::QEMU_7_2, 0);
    let _ = guest.write(0x30, 4, 0xffff_f000);
    guest.arrive([to(MAC, 60)]);
    assert_eq!([guest.read(CBR, 2), guest.acknowledge()], [68, 0x01]);
}

#[test]
fn any_value_of_capr_is_taken() {
    let mut guest = guest(0);
    for capr in [0, 1, 0x1ff0, 0x7fff, 0xffef, 0xfff0, 0xffff] {
        let _ = guest.write(CAPR, 2, capr);
        guest.arrive([to(MAC, 60)]);
        guest.wire.incoming.clear();
    }
    let _ = guest.write(CAPR, 1, 0x20);
    assert_eq!(guest.read(CAPR, 1), 0x20);
    assert_eq!(guest.memory.read_u32(RX_BUFFERS).unwrap() >> 16, 64);
}
