use super::super::guest::{EOR, Guest, MAC, OWN, RX_BUFFER, RX_RING, rx_buffer};
use super::super::{Config, Overrun, Quirks};
use crate::bus::Action;
use crate::ethernet::testing::{Spec, pattern};
use crate::net::{Gso, GsoKind, Metadata, Nic, Receipt};

fn to(destination: [u8; 6], length: usize) -> Vec<u8> {
    let mut frame = pattern(length);
    frame[..6].copy_from_slice(&destination);
    frame[12..14].copy_from_slice(&[0x08, 0x06]);
    frame
}

fn dropping() -> Guest {
    Guest::up(Config { overrun: Overrun::Drop, ..Config::new(MAC) })
}

#[test]
fn a_frame_arrives_with_its_fcs_and_status() {
    let mut guest = Guest::standard();
    let frame = to(MAC, 60);
    guest.arrive([frame.clone()]);
    assert_eq!(guest.word(RX_RING, 0, 0), 0x3200_0040);
    assert_eq!(guest.received(0, 60), frame);
    assert_eq!(guest.received(0, 64)[60..], crc32fast::hash(&frame).to_le_bytes());
    assert_eq!(guest.acknowledge(), 0x01);
}

#[test]
fn the_status_tells_why_a_frame_was_taken() {
    let mut guest = Guest::standard();
    guest.arrive([to([0xff; 6], 60), to([1, 0, 0x5e, 0, 0, 1], 60), to([2; 6], 60)]);
    assert_eq!(guest.word(RX_RING, 0, 0), 0x3100_0040);
    assert_eq!(guest.word(RX_RING, 1, 0), 0x3400_0040);
    assert_eq!(guest.word(RX_RING, 2, 0), OWN | RX_BUFFER as u32);
    let _ = guest.write(0x44, 4, 0xa401);
    guest.arrive([to([2; 6], 60)]);
    assert_eq!(guest.word(RX_RING, 2, 0), 0x3000_0040);
}

#[test]
fn a_run_of_frames_interrupts_once_when_it_ends() {
    let mut guest = Guest::standard();
    for _ in 0..10 {
        assert_eq!(guest.nic.receive(&to(MAC, 60), Metadata::default()), Receipt::Done);
    }
    assert_eq!(guest.read(0x3e, 2), 0);
    guest.nic.flush();
    assert_eq!(guest.acknowledge(), 0x01);
    guest.nic.flush();
    assert_eq!(guest.acknowledge(), 0);
}

#[test]
fn short_frames_are_padded_to_what_a_wire_carries() {
    let mut guest = Guest::standard();
    guest.arrive([to(MAC, 30)]);
    assert_eq!(guest.word(RX_RING, 0, 0), 0x3200_0040);
    let bytes = guest.received(0, 64);
    assert_eq!(bytes[30..60], [0; 30]);
    assert_eq!(bytes[60..], crc32fast::hash(&bytes[..60]).to_le_bytes());
}

#[test]
fn the_ring_wraps_at_its_end() {
    let mut guest = Guest::standard();
    for lap in 0..3u8 {
        guest.arrive((0..64u8).map(|number| to(MAC, 100 + usize::from(number))));
        assert_eq!(guest.word(RX_RING, 63, 0), EOR | 0x3200_00a7, "lap {lap}");
        for index in 0..64 {
            let end = guest.word(RX_RING, index, 0) & EOR;
            guest.put(RX_RING, index, OWN | end | RX_BUFFER as u32, rx_buffer(index));
        }
    }
}

#[test]
fn without_room_frames_wait_on_the_wire_until_the_driver_made_some() {
    let mut guest = Guest::standard();
    guest.arrive((0..70u8).map(|_| to(MAC, 60)));
    assert_eq!(guest.wire.incoming.len(), 6);
    assert_eq!(guest.read(0x3e, 2), 0x11);
    assert_eq!(guest.read(0x4c, 4), 0);
    for index in 0..64 {
        let end = guest.word(RX_RING, index, 0) & EOR;
        guest.put(RX_RING, index, OWN | end | RX_BUFFER as u32, rx_buffer(index));
    }
    // Any register write tells that the driver is awake.
    assert_eq!(guest.write(0x3e, 2, 0x53), Action::Service);
    guest.arrive([]);
    assert!(guest.wire.incoming.is_empty());
    assert_eq!(guest.write(0x3c, 2, 0x80ff), Action::None);
}

#[test]
fn a_nic_that_drops_counts_what_it_missed() {
    let mut guest = dropping();
    guest.arrive((0..70u8).map(|_| to(MAC, 60)));
    assert!(guest.wire.incoming.is_empty());
    assert_eq!(guest.acknowledge(), 0x11);
    assert_eq!(guest.read(0x4c, 4), 6);
    let _ = guest.write(0x4c, 4, 0);
    assert_eq!(guest.read(0x4c, 4), 0);
}

#[test]
fn a_frame_too_long_for_the_status_is_dropped_and_the_descriptor_stays() {
    let mut guest = Guest::standard();
    guest.arrive([to(MAC, 0x1fff - 3)]);
    assert_eq!(guest.word(RX_RING, 0, 0), OWN | RX_BUFFER as u32);
    assert_eq!(guest.acknowledge(), 0x02);
    assert_eq!(guest.nic.tally.receive_errors, 1);
}

#[test]
fn frames_of_any_size_overrun_nothing() {
    let mut guest = Guest::standard();
    for length in [0, 1, 5, 6, 13, 14, 15, 17, 18, 33, 65535, 1 << 20] {
        assert_eq!(guest.nic.receive(&vec![0xff; length], Metadata::default()), Receipt::Done);
    }
}

#[test]
fn a_tag_is_taken_out_where_the_guest_asks_for_it() {
    let mut frame = to(MAC, 64);
    frame[12..16].copy_from_slice(&[0x81, 0x00, 0x01, 0x23]);
    let mut guest = Guest::standard();
    guest.arrive([frame.clone()]);
    assert_eq!(guest.received(0, 64), frame);
    let _ = guest.write(0xe0, 2, 0x6b);
    guest.arrive([frame.clone(), to(MAC, 60)]);
    assert_eq!(guest.word(RX_RING, 1, 0), 0x3200_0040);
    assert_eq!(guest.word(RX_RING, 1, 1), 0x0001_2301);
    assert_eq!(guest.received(1, 60), [&frame[..12], &frame[16..]].concat());
    assert_eq!(guest.word(RX_RING, 2, 1), 0);
}

#[test]
fn nothing_is_received_while_the_receiver_the_ring_or_the_clock_is_off() {
    for (offset, width, value) in [(0x37, 1, 0x04), (0xe4, 4, 0), (0x5b, 1, 0x48)] {
        let mut guest = Guest::standard();
        let _ = guest.write(offset, width, value);
        guest.arrive([to(MAC, 60)]);
        assert_eq!(guest.acknowledge(), 0, "register {offset:#x}");
    }
}

#[test]
fn a_ring_or_a_buffer_outside_of_ram_is_a_system_error() {
    let mut guest = Guest::standard();
    guest.put(RX_RING, 0, OWN | 0x600, u64::MAX - 5);
    guest.arrive([to(MAC, 60)]);
    assert_eq!(guest.acknowledge(), 0x8000);
    let _ = guest.write(0xe8, 4, u32::MAX);
    guest.arrive([to(MAC, 60)]);
    assert_eq!(guest.acknowledge(), 0x8000);
}

#[test]
fn unfinished_frames_are_lost_since_this_chip_cannot_take_them() {
    let mut guest = Guest::standard();
    let gso = Some(Gso { kind: GsoKind::Tcp4, size: 1000, header_length: 54 });
    let metadata = Metadata { gso, ..Metadata::default() };
    assert_eq!(guest.nic.receive(&to(MAC, 60), metadata), Receipt::Done);
    guest.nic.flush();
    assert_eq!(guest.acknowledge(), 0);
}

/// Frames with sound checksums, by way of the transmitter in loopback.
fn looped(guest: &mut Guest, command: u32, change: impl Fn(&mut Vec<u8>)) -> u32 {
    let mut bytes = Spec { payload: pattern(100), ..Spec::default() }.build();
    bytes[..6].copy_from_slice(&MAC);
    let mut sound = guest.send(&bytes, command).remove(0);
    change(&mut sound);
    let index = guest.nic.receiver.next.into();
    guest.arrive([sound]);
    guest.word(RX_RING, index, 0) & 0x0003_e000
}

#[test]
fn the_status_tells_what_the_checksums_were_worth() {
    let mut guest = Guest::standard();
    let checksums = 0x0005_0000;
    assert_eq!(looped(&mut guest, checksums, |_| ()), 0x1_0000);
    assert_eq!(looped(&mut guest, checksums, |f| f[60] ^= 1), 0x1_2000);
    assert_eq!(looped(&mut guest, checksums, |f| f[22] ^= 1), 0x1_8000);
    assert_eq!(looped(&mut guest, checksums, |f| f[20] = 0x20), 0x3_8000);
    assert_eq!(looped(&mut guest, checksums, |f| f[12] = 0), 0);
    assert_eq!(looped(&mut guest, checksums, |f| f.truncate(70)), 0);
    let _ = guest.write(0xe0, 2, 0x0b);
    assert_eq!(looped(&mut guest, checksums, |_| ()), 0);
}

#[test]
fn the_status_of_qemu_tells_nothing_of_checksums() {
    let mut guest = Guest::up(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) });
    assert_eq!(looped(&mut guest, 0x0005_0000, |_| ()), 0);
}
