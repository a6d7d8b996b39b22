// Lengths are decimal.
#![allow(clippy::decimal_bitwise_operands)]

use vm_memory::GuestMemoryBackend;

use super::super::guest::{EOR, FS, Guest, LGSEN, LS, MAC, OWN, TX_BUFFERS, TX_RING};
use super::super::{Config, Tso};
use super::*;
use crate::bus::Action;
use crate::ethernet::testing::{Spec, parse, pattern};
use crate::net::Nic;
use crate::pci::Function;

const MSS: u32 = 1000 << 16;

fn legacy() -> Guest {
    Guest::up(Config { tso: Tso::Mtu1500, ..Config::new(MAC) })
}

fn frame(number: u8) -> Vec<u8> {
    vec![number; 60 + usize::from(number)]
}

fn sent(guest: &mut Guest) -> Vec<Vec<u8>> {
    std::mem::take(&mut guest.wire.sent).into_iter().map(|(bytes, _)| bytes).collect()
}

#[test]
fn a_plain_frame_leaves_as_it_is() {
    let mut guest = Guest::standard();
    assert_eq!(guest.send(&frame(1), 0), [frame(1)]);
    assert_eq!(guest.acknowledge(), 0x84);
    assert!(!guest.nic.level());
}

#[test]
fn a_super_frame_of_64_kib_over_many_descriptors_is_cut_at_the_mss() {
    let mut guest = Guest::standard();
    let spec = Spec { tcp_options: 12, payload: pattern(64000), ..Spec::default() };
    guest.queue(&spec.build(), 17, LGSEN | MSS);
    guest.doorbell();
    let segments: Vec<_> = sent(&mut guest).iter().map(|bytes| parse(bytes)).collect();
    assert_eq!(segments.len(), 64);
    assert!(segments.iter().all(|segment| segment.length == 1066));
    assert_eq!(segments.last().unwrap().flags, 0x19);
    let payload: Vec<u8> = segments.into_iter().flat_map(|segment| segment.payload).collect();
    assert_eq!(payload, spec.payload);
}

#[test]
fn the_historical_nic_cuts_the_same_super_frame_for_an_mtu_of_1500() {
    let mut guest = legacy();
    let spec = Spec { tcp_options: 12, payload: pattern(64000), ..Spec::default() };
    guest.queue(&spec.build(), 17, LGSEN | MSS);
    guest.doorbell();
    let segments: Vec<_> = sent(&mut guest).iter().map(|bytes| parse(bytes)).collect();
    assert_eq!(segments.len(), 45);
    assert!(segments[..44].iter().all(|segment| segment.length == 1514));
    assert!(segments.iter().all(|segment| segment.flags == 0x10));
    let payload: Vec<u8> = segments.into_iter().flat_map(|segment| segment.payload).collect();
    assert_eq!(payload, spec.payload);
}

#[test]
fn a_descriptor_comes_back_with_its_status_bits_clear() {
    let mut guest = legacy();
    let spec = Spec { payload: pattern(0x1036 - 54), ..Spec::default() };
    guest.send(&spec.build(), 0x0db4_0000);
    assert_eq!(guest.word(TX_RING, 0, 0), 0x3d04_1036);
}

#[test]
fn many_frames_go_out_as_one_batch_with_one_interrupt() {
    let mut guest = Guest::standard();
    for number in 0..40 {
        guest.queue(&frame(number), 1, 0);
    }
    guest.nic.ring(0);
    let mut backend = Counting::default();
    assert_eq!(guest.nic.transmit(&mut backend), Transmit::Idle);
    assert_eq!(backend.batches, [40]);
    assert_eq!(guest.acknowledge(), 0x84);
}

#[derive(Default)]
struct Counting {
    batches: Vec<usize>,
    blocked: bool,
}

impl Backend for Counting {
    fn send(&mut self, _memory: &DmaMemory, batch: &Batch) -> Sent {
        self.batches.push(batch.len());
        if self.blocked { Sent::Blocked } else { Sent::All }
    }

    fn peek(&mut self) -> Option<(&[u8], crate::net::Metadata)> {
        None
    }

    fn consume(&mut self) {}
}

#[test]
fn the_ring_wraps_at_its_end_and_frames_may_straddle_it() {
    let mut guest = Guest::standard();
    for lap in 0..5u8 {
        for number in 0..30 {
            guest.queue(&frame(number), 3, 0);
            guest.doorbell();
            assert_eq!(sent(&mut guest), [frame(number)], "lap {lap}");
        }
    }
}

#[test]
fn a_full_ring_is_sent_whole_and_once() {
    let mut guest = Guest::standard();
    for number in 0..64 {
        guest.queue(&frame(number), 1, 0);
    }
    guest.doorbell();
    assert_eq!(sent(&mut guest), (0..64).map(frame).collect::<Vec<_>>());
}

#[test]
fn a_ring_of_one_descriptor_sends_it_once() {
    let mut guest = Guest::standard();
    guest.memory.write(TX_BUFFERS, &frame(9)).unwrap();
    guest.put(TX_RING, 0, OWN | EOR | FS | LS | 69, TX_BUFFERS);
    guest.doorbell();
    assert_eq!(sent(&mut guest), [frame(9)]);
}

#[test]
fn without_an_end_the_ring_starts_over_after_64() {
    let mut guest = Guest::standard();
    for index in 0..64 {
        guest.put(TX_RING, index, OWN | FS | LS | 60, TX_BUFFERS);
    }
    guest.put(TX_RING, 64, OWN | FS | LS | 60, TX_BUFFERS);
    guest.doorbell();
    assert_eq!(sent(&mut guest).len(), 64);
    guest.put(TX_RING, 0, OWN | FS | LS | 60, TX_BUFFERS);
    guest.doorbell();
    assert_eq!(sent(&mut guest).len(), 1);
}

#[test]
fn a_frame_waits_for_its_last_descriptor() {
    let mut guest = Guest::standard();
    let bytes = pattern(200);
    guest.memory.write(TX_BUFFERS, &bytes).unwrap();
    guest.put(TX_RING, 0, OWN | FS | 150, TX_BUFFERS);
    guest.doorbell();
    assert!(sent(&mut guest).is_empty());
    assert_eq!(guest.acknowledge(), 0x80);
    guest.put(TX_RING, 1, OWN | LS | 50, TX_BUFFERS + 150);
    guest.doorbell();
    assert_eq!(sent(&mut guest), [bytes]);
    assert_eq!(guest.word(TX_RING, 0, 0), FS | 150);
}

#[test]
fn a_first_descriptor_starts_over_and_forgets_what_was_open() {
    let mut guest = Guest::standard();
    guest.memory.write(TX_BUFFERS, &frame(1)).unwrap();
    guest.put(TX_RING, 0, OWN | FS | 40, TX_BUFFERS);
    guest.put(TX_RING, 1, OWN | FS | LS | 61, TX_BUFFERS);
    guest.doorbell();
    assert_eq!(sent(&mut guest), [frame(1)]);
    assert_eq!([guest.word(TX_RING, 0, 0) & OWN, guest.word(TX_RING, 1, 0) & OWN], [0, 0]);
}

#[test]
fn a_frame_of_no_bytes_sends_nothing_and_completes() {
    let mut guest = Guest::standard();
    guest.put(TX_RING, 0, OWN | FS | LS, TX_BUFFERS);
    guest.doorbell();
    assert!(sent(&mut guest).is_empty());
    assert_eq!(guest.acknowledge(), 0x84);
}

#[test]
fn descriptors_come_back_only_when_the_backend_has_the_batch() {
    let mut guest = Guest::standard();
    guest.queue(&frame(1), 1, 0);
    guest.nic.ring(0);
    let mut backend = Counting { blocked: true, ..Counting::default() };
    assert_eq!(guest.nic.transmit(&mut backend), Transmit::Blocked);
    assert_eq!(guest.word(TX_RING, 0, 0) & OWN, 0);
    guest.queue(&frame(2), 1, 0);
    backend.blocked = false;
    assert_eq!(guest.nic.transmit(&mut backend), Transmit::Idle);
    assert_eq!(backend.batches, [1, 1]);
}

#[test]
fn nothing_moves_while_the_transmitter_or_the_c_plus_mode_is_off() {
    for (offset, width) in [(0x37, 1), (0xe0, 2)] {
        let mut guest = Guest::standard();
        let _ = guest.write(offset, width, 0);
        guest.queue(&frame(1), 1, 0);
        guest.doorbell();
        assert!(sent(&mut guest).is_empty());
        assert_ne!(guest.word(TX_RING, 0, 0) & OWN, 0);
    }
}

#[test]
fn nothing_moves_while_bus_mastering_is_off() {
    let mut guest = Guest::standard();
    guest.queue(&frame(1), 1, 0);
    let _ = guest.nic.write_config(4, &3u16.to_le_bytes());
    guest.doorbell();
    assert!(sent(&mut guest).is_empty());
    assert_eq!(guest.acknowledge(), 0);
}

#[test]
fn a_frame_that_nobody_rang_for_leaves_when_it_is_looked_for() {
    let mut guest = Guest::standard();
    guest.queue(&frame(1), 1, 0);
    guest.work();
    assert_eq!(guest.sent(), [] as [Vec<u8>; 0]);
    assert!(guest.nic.look());
    guest.work();
    assert_eq!(guest.sent(), [frame(1)]);
    assert!(!guest.nic.look());
}

#[test]
fn nothing_is_looked_for_while_the_transmitter_is_off() {
    let mut guest = Guest::standard();
    guest.queue(&frame(1), 1, 0);
    let _ = guest.write(0x37, 1, 0x08);
    assert!(!guest.nic.look());
}

#[test]
fn nothing_is_looked_for_while_the_chip_sleeps_whatever_waits() {
    let mut guest = Guest::standard();
    guest.queue(&frame(1), 1, 0);
    assert_eq!(guest.write(0xd9, 1, 0x40), Action::Service);
    let _ = guest.nic.write_config(0x54, &[3, 0]);
    assert_eq!(guest.nic.transmit(&mut guest.wire), Transmit::Idle);
    assert!(!guest.nic.look());
}

#[test]
fn a_descriptor_that_reaches_beyond_memory_is_not_taken_for_one_to_send() {
    let mut guest = Guest::standard();
    let end = guest.memory.ram().unwrap().last_addr().0 + 1;
    guest.memory.write(end - 4, &(OWN | FS | LS | 60).to_le_bytes()).unwrap();
    let _ = guest.write(0x20, 4, (end - 4) as u32);
    assert!(!guest.nic.look());
}
