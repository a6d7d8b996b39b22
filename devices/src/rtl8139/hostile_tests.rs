//! Guests that mean harm: nothing they write may stop the NIC, and no loop may run on.

// Lengths are decimal.
#![allow(clippy::decimal_bitwise_operands)]

use super::guest::{EOR, FS, Guest, LGSEN, LS, OWN, RX_RING, TX_BUFFERS, TX_RING};
use super::transmit::{MAX_FRAME, ROUND, ROUND_FRAMES};
use crate::ethernet::testing::{Spec, pattern};
use crate::net::{Metadata, Nic, Transmit};
use crate::pci::Function;

fn frame(number: u8) -> Vec<u8> {
    vec![number; 60 + usize::from(number)]
}

fn sent(guest: &mut Guest) -> Vec<Vec<u8>> {
    std::mem::take(&mut guest.wire.sent).into_iter().map(|(bytes, _)| bytes).collect()
}

#[test]
fn a_ring_without_last_descriptors_ends_and_sends_nothing() {
    let mut guest = Guest::standard();
    for index in 0..64 {
        guest.put(TX_RING, index, OWN | FS, TX_BUFFERS);
    }
    guest.doorbell();
    for index in 0..64 {
        guest.put(TX_RING, index, OWN | 4096, TX_BUFFERS);
    }
    guest.doorbell();
    assert!(sent(&mut guest).is_empty());
}

#[test]
fn a_round_ends_after_its_cap_and_gives_others_a_turn() {
    let mut guest = Guest::standard();
    for number in 0..64 {
        guest.queue(&frame(number), 1, 0);
    }
    guest.nic.ring(0);
    assert_eq!(guest.nic.transmit(&mut guest.wire), Transmit::More);
    assert_eq!(sent(&mut guest).len(), ROUND);
    assert_eq!(guest.nic.transmit(&mut guest.wire), Transmit::Idle);
    assert!(sent(&mut guest).is_empty());
}

#[test]
fn super_frames_cut_at_a_byte_end_the_round_early() {
    let mut guest = Guest::standard();
    let spec = Spec { payload: pattern(3000), ..Spec::default() };
    for _ in 0..4 {
        guest.queue(&spec.build(), 1, LGSEN | 1 << 16);
    }
    guest.nic.ring(0);
    assert_eq!(guest.nic.transmit(&mut guest.wire), Transmit::More);
    let round = (ROUND_FRAMES as usize).next_multiple_of(3000);
    assert_eq!(sent(&mut guest).len(), round);
    guest.work();
    assert_eq!(sent(&mut guest).len(), 4 * 3000 - round);
}

#[test]
fn frames_in_loopback_come_back_batch_by_batch() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x40, 4, 0x0306_0600);
    let spec = Spec { payload: pattern(3000), ..Spec::default() };
    for _ in 0..3 {
        guest.queue(&spec.build(), 1, LGSEN | 10 << 16);
    }
    guest.nic.ring(0);
    assert_eq!(guest.nic.transmit(&mut guest.wire), Transmit::More);
    assert_eq!(guest.word(TX_RING, 0, 0) & OWN, 0);
    assert_eq!(guest.word(TX_RING, 1, 0) & OWN, OWN);
    guest.work();
    assert_eq!(guest.word(TX_RING, 2, 0) & OWN, 0);
    assert!(sent(&mut guest).is_empty());
}

#[test]
fn a_ring_outside_of_ram_is_a_system_error_and_ends() {
    let mut guest = Guest::standard();
    for ring in [0xffff_f000u32, 0x00f0_0000] {
        let _ = guest.write(0x20, 4, ring);
        let _ = guest.write(0x24, 4, u32::MAX);
        guest.doorbell();
        assert_eq!(guest.acknowledge(), 0x8000);
    }
}

#[test]
fn a_buffer_outside_of_ram_loses_the_frame_and_completes_it() {
    let mut guest = Guest::standard();
    for buffer in [u64::MAX, 0x7fff_ffff_0000, 0x1f_fff0] {
        guest.put(TX_RING, 0, OWN | EOR | FS | LS | 60, buffer);
        guest.doorbell();
        assert!(sent(&mut guest).is_empty());
        assert_eq!(guest.acknowledge(), 0x8084);
    }
}

#[test]
fn a_frame_beyond_65536_bytes_is_cut_off() {
    let mut guest = Guest::standard();
    guest.put(TX_RING, 0, OWN | FS | 60000, TX_BUFFERS);
    guest.put(TX_RING, 1, OWN | LS | EOR | 10000, TX_BUFFERS);
    guest.doorbell();
    assert_eq!(sent(&mut guest)[0].len(), MAX_FRAME);
}

#[test]
fn resetting_in_the_middle_of_a_frame_starts_over() {
    let mut guest = Guest::standard();
    guest.put(TX_RING, 0, OWN | FS | 100, TX_BUFFERS);
    guest.doorbell();
    let _ = guest.write(0x37, 1, 0x08);
    let _ = guest.write(0x37, 1, 0x0c);
    guest.memory.write(TX_BUFFERS, &frame(3)).unwrap();
    guest.put(TX_RING, 0, OWN | FS | LS | EOR | 63, TX_BUFFERS);
    guest.doorbell();
    assert_eq!(sent(&mut guest), [frame(3)]);
}

#[test]
fn a_guest_that_writes_anything_anywhere_stops_nothing() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..100 {
        let mut guest = Guest::standard();
        for _ in 0..200 {
            let [offset, width, value] = [random() % 260, 1 << (random() % 4), random()];
            let data = value.to_le_bytes();
            let _ = guest.nic.write_bar(1, offset, &data[..width as usize]);
            let at = RX_RING + random() % 0x900;
            guest.memory.write(at, &(random() | 0xf000_0000).to_le_bytes()).unwrap();
            guest.nic.ring(0);
            let _ = guest.nic.transmit(&mut guest.wire);
            let _ = guest.nic.receive(&data.repeat(10), Metadata::default());
            guest.nic.flush();
            guest.wire.sent.clear();
        }
    }
}
