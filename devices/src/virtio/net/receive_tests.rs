use proptest::prelude::*;
use vm_memory::{Bytes, GuestAddress};

use crate::ethernet::testing::{parse, pattern};
use crate::net::{Gso, GsoKind, Loop, Metadata, Receipt};
use crate::pci::Function;
use crate::virtio::net::{Config, Counters, VirtioNet};
use crate::virtio::testing::*;

const VERSION_1: u64 = 1 << 32;
const EVENT_INDEX: u64 = 1 << 29;
const MRG_RXBUF: u64 = 1 << 15;
const GUEST_CSUM: u64 = 1 << 1;
const HEADER: usize = 12;

fn driver() -> Driver<VirtioNet> {
    Driver::new(VirtioNet::new(Config::new([2, 0, 0, 0, 0, 1])))
}

fn counters(driver: &Driver<VirtioNet>) -> Counters {
    driver.function.device().counters()
}

#[test]
fn a_frame_fills_one_buffer_behind_its_header() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1, 8);
    ring.offer(&[(BUFFERS, 12), (BUFFERS + 0x1000, 1514)], WRITE);
    assert_eq!(driver.receive(&pattern(60)), Receipt::Done);
    assert_eq!(ring.take_used(), [(0, 72)]);
    assert_eq!(driver.bytes(BUFFERS, HEADER), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(driver.bytes(BUFFERS + 0x1000, 60), pattern(60));
}

#[test]
fn a_long_frame_spreads_over_mergeable_buffers_that_appear_at_once() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1 | MRG_RXBUF, 8);
    let buffers: Vec<u64> = (0..4).map(|index| BUFFERS + 0x1000 * index).collect();
    for buffer in &buffers {
        ring.offer(&[(*buffer, 1024)], WRITE);
    }
    assert_eq!(driver.receive(&pattern(2500)), Receipt::Done);
    assert_eq!(ring.take_used(), [(0, 1024), (1, 1024), (2, (12 + 2500 - 2048) as u32)]);
    assert_eq!(driver.bytes(buffers[0] + 10, 2), [3, 0]);
    let joined = [driver.bytes(buffers[0] + 12, 1012), driver.bytes(buffers[1], 1024)].concat();
    assert_eq!(joined, pattern(2500)[..2036]);
    assert_eq!(driver.bytes(buffers[2], 464), pattern(2500)[2036..]);
}

#[test]
fn without_mergeable_buffers_a_frame_too_long_for_its_buffer_is_dropped_and_the_buffer_kept() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1, 8);
    ring.offer(&[(BUFFERS, 100)], WRITE);
    ring.offer(&[(BUFFERS + 0x1000, 100)], WRITE);
    assert_eq!(driver.receive(&pattern(89)), Receipt::Done);
    assert!(ring.take_used().is_empty());
    assert_eq!(counters(&driver).receive_dropped, 1);
    assert_eq!(driver.receive(&pattern(88)), Receipt::Done);
    assert_eq!(ring.take_used(), [(0, 100)]);
}

#[test]
fn a_frame_without_room_waits_for_the_kick_that_the_device_asked_for() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1 | MRG_RXBUF | EVENT_INDEX, 8);
    ring.offer(&[(BUFFERS, 1024)], WRITE);
    assert_eq!(driver.receive(&pattern(1500)), Receipt::NoRoom);
    assert!(ring.take_used().is_empty());
    assert_eq!(ring.available_event(), 1, "the next buffer, not the one that is too small");
    ring.offer(&[(BUFFERS + 0x1000, 1024)], WRITE);
    assert_eq!(driver.receive(&pattern(1500)), Receipt::Done);
    assert_eq!(ring.take_used(), [(0, 1024), (1, 488)]);
}

#[test]
fn kicks_are_wanted_only_while_a_frame_waits() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1, 8);
    assert_eq!(driver.receive(&pattern(60)), Receipt::NoRoom);
    assert_eq!(ring.used_flags(), 0);
    ring.offer(&[(BUFFERS, 1526)], WRITE);
    assert_eq!(driver.receive(&pattern(60)), Receipt::Done);
    assert_eq!(ring.used_flags(), 1);
    assert_eq!(driver.receive(&pattern(60)), Receipt::NoRoom);
    assert_eq!(ring.used_flags(), 0);
}

#[test]
fn a_frame_that_no_number_of_buffers_holds_is_dropped() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1 | MRG_RXBUF, 8);
    for _ in 0..8 {
        ring.offer(&[(BUFFERS, 64)], WRITE);
    }
    assert_eq!(driver.receive(&pattern(1500)), Receipt::Done);
    assert_eq!(counters(&driver).receive_dropped, 1);
    assert_eq!(driver.receive(&pattern(52)), Receipt::Done);
    assert_eq!(ring.take_used(), [(0, 64)]);
}

#[test]
fn a_run_of_frames_ends_in_one_interrupt() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1, 8);
    for _ in 0..4 {
        ring.offer(&[(BUFFERS, 1526)], WRITE);
        assert_eq!(driver.receive(&pattern(60)), Receipt::Done);
    }
    assert!(driver.sent.take().is_empty());
    driver.nic().flush();
    driver.nic().flush();
    assert_eq!(driver.sent.take(), [1]);
    assert_eq!(ring.take_used().len(), 4);
}

#[test]
fn without_msix_the_end_of_a_run_asserts_the_line() {
    let mut driver = driver();
    driver.disable_msix();
    let (mut ring, _) = driver.start(VERSION_1, 8);
    ring.offer(&[(BUFFERS, 1526)], WRITE);
    assert_eq!(driver.receive(&pattern(60)), Receipt::Done);
    assert!(!driver.function.level());
    driver.nic().flush();
    assert!(driver.function.level());
    assert_eq!(driver.read(register::ISR, 1), 1);
}

#[test]
fn an_open_checksum_is_filled_in_for_a_driver_that_does_not_take_it() {
    let frame = open_checksum(&pattern(333));
    let metadata = Metadata { partial_checksum: Some((34, 16)), ..Metadata::default() };

    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1, 8);
    ring.offer(&[(BUFFERS, 1526)], WRITE);
    assert_eq!(driver.nic().receive(&frame, metadata), Receipt::Done);
    assert_eq!(driver.bytes(BUFFERS, 1), [0]);
    assert_eq!(parse(&driver.bytes(BUFFERS + 12, frame.len())).payload, pattern(333));

    let (mut ring, _) = driver.start(VERSION_1 | GUEST_CSUM, 8);
    ring.offer(&[(BUFFERS, 1526)], WRITE);
    assert_eq!(driver.nic().receive(&frame, metadata), Receipt::Done);
    assert_eq!(driver.bytes(BUFFERS, HEADER), [1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 1, 0]);
    assert_eq!(driver.bytes(BUFFERS + 12, frame.len()), frame);
}

#[test]
fn a_super_frame_that_the_driver_does_not_take_is_dropped() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1 | GUEST_CSUM, 8);
    ring.offer(&[(BUFFERS, 0x1_0000)], WRITE);
    let gso = Some(Gso { kind: GsoKind::Tcp4, size: 1448, header_length: 54 });
    let metadata = Metadata { gso, ..Metadata::default() };
    assert_eq!(driver.nic().receive(&pattern(3000), metadata), Receipt::Done);
    assert!(ring.take_used().is_empty());
    assert_eq!(counters(&driver).receive_dropped, 1);
}

#[test]
fn frames_without_a_driver_or_a_link_are_lost() {
    let mut driver = driver();
    assert_eq!(driver.receive(&pattern(60)), Receipt::Done);
    let (mut ring, _) = driver.start(VERSION_1, 8);
    ring.offer(&[(BUFFERS, 1526)], WRITE);
    driver.nic().set_link(false);
    assert_eq!(driver.receive(&pattern(60)), Receipt::Done);
    assert!(ring.take_used().is_empty());
    assert_eq!(counters(&driver).receive_dropped, 2);
}

#[test]
fn frames_of_no_bytes_and_of_too_many_are_dropped() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1, 8);
    ring.offer(&[(BUFFERS, 0x2_0000)], WRITE);
    assert_eq!(driver.receive(&[]), Receipt::Done);
    assert_eq!(driver.receive(&vec![0; 0x1_8000]), Receipt::Done);
    assert_eq!(counters(&driver).receive_dropped, 2);
    assert!(ring.take_used().is_empty());
}

#[test]
fn a_readable_buffer_asks_for_a_reset() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1, 8);
    ring.offer(&[(BUFFERS, 1526)], 0);
    assert_eq!(driver.receive(&pattern(60)), Receipt::Done);
    assert_eq!(driver.status() & NEEDS_RESET, NEEDS_RESET);
}

#[test]
fn a_reset_between_frames_leaves_the_old_rings_alone() {
    let mut driver = driver();
    let (mut old, _) = driver.start(VERSION_1 | MRG_RXBUF, 8);
    old.offer(&[(BUFFERS, 64)], WRITE);
    assert_eq!(driver.receive(&pattern(100)), Receipt::NoRoom);
    driver.write(register::STATUS, 1, 0);
    assert_eq!(driver.receive(&pattern(100)), Receipt::Done);
    driver.nic().flush();
    assert!(old.take_used().is_empty());
    let (mut ring, _) = driver.start(VERSION_1 | MRG_RXBUF, 8);
    ring.offer(&[(BUFFERS, 1526)], WRITE);
    assert_eq!(driver.receive(&pattern(100)), Receipt::Done);
    assert_eq!(ring.take_used(), [(0, 112)]);
}

#[test]
fn indexes_wrap_at_65536() {
    let mut driver = driver();
    let (mut ring, _) = driver.start(VERSION_1 | EVENT_INDEX | MRG_RXBUF, 8);
    for _ in 0..35_000 {
        ring.offer(&[(BUFFERS, 256)], WRITE);
        ring.offer(&[(BUFFERS + 256, 256)], WRITE);
        ring.set_used_event(ring.used_index().wrapping_add(1));
        assert_eq!(driver.receive(&pattern(300)), Receipt::Done);
        driver.nic().flush();
        assert_eq!(ring.take_used().len(), 2);
    }
    assert_eq!(driver.sent.take().len(), 35_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn rings_full_of_rubbish_never_stop_the_device(
        words in proptest::collection::vec(any::<u16>(), 64),
        descriptors in proptest::collection::vec(
            (0u64..RAM + 0x1000, 0u32..5000, 0u16..8, 0u16..10), 8,
        ),
        available in 0u16..12,
        features in any::<u64>(),
        frame in proptest::collection::vec(any::<u8>(), 0..3000),
    ) {
        let mut driver = driver();
        let offered = driver.offered();
        prop_assume!(driver.negotiate(features & offered | VERSION_1) & FEATURES_OK != 0);
        let rings = [driver.enable(0, 8), driver.enable(1, 8)];
        driver.driver_ok();
        driver.put(BUFFERS, &pattern(0x8000));
        for ring in &rings {
            for (index, (address, length, flags, next)) in descriptors.iter().enumerate() {
                ring.descriptor(index as u16, *address, *length, *flags, *next);
            }
            for (index, word) in words.iter().take(8).enumerate() {
                let at = GuestAddress(ring.available + 4 + 2 * index as u64);
                driver.ram.write_obj(*word % 10, at).unwrap();
            }
            ring.set_available(available);
        }
        for _ in 0..3 {
            let _ = driver.transmit(&mut Loop::default());
            let _ = driver.receive(&frame);
            driver.nic().flush();
        }
        let status = driver.status();
        prop_assert!(status & DRIVER_OK != 0);
        driver.write(register::STATUS, 1, 0);
        prop_assert_eq!(driver.status(), 0);
    }
}
