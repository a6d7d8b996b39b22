use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::ethernet::testing::pattern;
use crate::net::{Loop, Metadata, Null, QueuePair, Receipt, Transmit};
use crate::pci::Function;
use crate::virtio::net::{Config, MAX_PAIRS, VirtioNet};
use crate::virtio::testing::*;

const MQ: u64 = 1 << 22;
const VERSION_1: u64 = 1 << 32;
const PAIRS: u16 = 2;
const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn driver() -> Driver<VirtioNet> {
    Driver::new(VirtioNet::new(Config { pairs: PAIRS, ..Config::new(OWN) }))
}

/// Rings of every queue, control last, for a driver that accepted everything but for `without`.
fn start(driver: &mut Driver<VirtioNet>, without: u64) -> Vec<Ring> {
    let features = driver.offered() & !without;
    assert_eq!(driver.negotiate(features) & FEATURES_OK, FEATURES_OK);
    let rings = (0..=2 * PAIRS).map(|queue| driver.enable(queue, 8)).collect();
    driver.driver_ok();
    rings
}

/// Gives a command of six bytes at most in queue `index`, and returns the answer.
fn command(driver: &mut Driver<VirtioNet>, ring: &mut Ring, index: u16, bytes: &[u8]) -> u8 {
    driver.put(BUFFERS, bytes);
    driver.put(BUFFERS + 8, &[0x55]);
    ring.descriptor(0, BUFFERS, bytes.len() as u32, NEXT, 1);
    ring.descriptor(1, BUFFERS + 8, 1, WRITE, 0);
    ring.publish(0);
    driver.function.ring(index.into());
    driver.bytes(BUFFERS + 8, 1)[0]
}

fn pairs(driver: &mut Driver<VirtioNet>) -> Vec<QueuePair> {
    driver.nic().pairs()
}

#[test]
fn a_nic_has_a_pair_of_queues_for_each_that_was_asked_for_and_says_how_many() {
    let mut driver = driver();
    assert_eq!(driver.offered() & MQ, MQ);
    assert_eq!(driver.read(register::DEVICE + 8, 2), 2);
    assert_eq!(driver.read(0x12, 2), 5, "queues");
    let bells: Vec<[u32; 2]> = pairs(&mut driver).iter().map(|pair| pair.bells).collect();
    assert_eq!(bells, [[0, 1], [2, 3]]);
    let most = Config { pairs: MAX_PAIRS, ..Config::new(OWN) };
    assert_eq!(pairs(&mut Driver::new(VirtioNet::new(most))).len(), 32);
    assert_eq!(Driver::new(VirtioNet::new(Config::new(OWN))).offered() & MQ, 0);
}

#[test]
fn the_first_pair_is_in_use_until_the_driver_asks_for_more() {
    let mut driver = driver();
    let mut rings = start(&mut driver, 0);
    let pairs = pairs(&mut driver);
    let active = || [pairs[0].nic.is_active(), pairs[1].nic.is_active()];
    assert_eq!(active(), [true, false]);
    assert_eq!(command(&mut driver, &mut rings[4], 4, &[4, 0, 2, 0]), 0);
    assert_eq!(active(), [true, true]);
    for count in [0, 3] {
        assert_eq!(command(&mut driver, &mut rings[4], 4, &[4, 0, count, 0]), 1, "{count} pairs");
    }
    assert_eq!(command(&mut driver, &mut rings[4], 4, &[4, 0, 1, 0]), 0);
    assert_eq!(active(), [true, false]);
}

#[test]
fn a_driver_of_one_pair_has_its_control_queue_behind_it() {
    let mut driver = driver();
    let mut rings = start(&mut driver, MQ);
    assert_eq!(command(&mut driver, &mut rings[2], 2, &[0, 0, 0]), 0);
    assert_eq!(command(&mut driver, &mut rings[2], 2, &[4, 0, 2, 0]), 1);
    assert_eq!(command(&mut driver, &mut rings[4], 4, &[0, 0, 0]), 0x55, "no queue of its");
}

#[test]
fn pairs_move_frames_through_their_own_queues_and_with_their_own_vectors() {
    let mut driver = driver();
    let mut rings = start(&mut driver, 0);
    command(&mut driver, &mut rings[4], 4, &[4, 0, 2, 0]);
    driver.sent.take();
    let mut pairs = pairs(&mut driver);
    let second = &mut pairs[1].nic;
    rings[2].offer(&[(BUFFERS, 2048)], WRITE);
    assert_eq!(second.receive(&pattern(60), Metadata::default()), Receipt::Done);
    second.flush();
    assert_eq!(driver.sent.take(), [3]);
    assert_eq!(rings[2].take_used(), [(0, 72)]);
    let buffers = place(&driver, &plain(100), 4096);
    rings[3].offer(&buffers, 0);
    let mut wire = Loop::default();
    assert_eq!(second.transmit(&mut wire), Transmit::Idle);
    assert_eq!(wire.sent.len(), 1);
    assert_eq!(driver.sent.take(), [4]);
    assert_eq!(rings[3].take_used(), [(0, 0)]);
    assert_eq!(driver.function.device().counters().received, 1);
}

#[test]
fn what_arrives_at_a_pair_that_is_not_in_use_is_dropped() {
    let mut driver = driver();
    let mut rings = start(&mut driver, 0);
    rings[2].offer(&[(BUFFERS, 2048)], WRITE);
    let receipt = pairs(&mut driver)[1].nic.receive(&pattern(60), Metadata::default());
    assert_eq!(receipt, Receipt::Done);
    assert!(rings[2].take_used().is_empty());
    assert_eq!(driver.function.device().counters().receive_dropped, 1);
}

#[test]
fn without_messages_a_pair_says_that_the_line_is_to_be_asserted() {
    let mut driver = driver();
    driver.disable_msix();
    let mut rings = start(&mut driver, 0);
    let mut pairs = pairs(&mut driver);
    rings[0].offer(&[(BUFFERS, 2048)], WRITE);
    let _ = pairs[0].nic.receive(&pattern(60), Metadata::default());
    assert!(!pairs[0].nic.asserts());
    pairs[0].nic.flush();
    assert!(pairs[0].nic.asserts());
    assert!(driver.function.level());
    assert_eq!(driver.read(register::ISR, 1), 1);
    assert!(!pairs[0].nic.asserts());
}

#[test]
fn a_driver_that_takes_its_queues_back_finds_nobody_in_its_memory() {
    let mut driver = driver();
    let pairs = pairs(&mut driver);
    let (stop, begun) = (AtomicBool::new(false), Barrier::new(pairs.len() + 1));
    thread::scope(|scope| {
        for mut pair in pairs {
            let (stop, begun) = (&stop, &begun);
            scope.spawn(move || {
                begun.wait();
                while !stop.load(Ordering::Relaxed) {
                    let _ = pair.nic.transmit(&mut Null);
                    let _ = pair.nic.receive(&pattern(60), Metadata::default());
                    pair.nic.flush();
                }
            });
        }
        begun.wait();
        for round in 0..200u32 {
            let mut rings = start(&mut driver, 0);
            assert_eq!(command(&mut driver, &mut rings[4], 4, &[4, 0, 2, 0]), 0);
            for ring in rings.iter_mut().take(4) {
                ring.offer(&[(BUFFERS + 0x1000, 2048)], WRITE);
            }
            if round % 2 == 0 {
                driver.write(register::STATUS, 1, 0);
            } else {
                let _ = driver.function.write_config(4, &2u16.to_le_bytes());
            }
            // Every ring is ours again: what we write there stays.
            for ring in &rings {
                driver.put(ring.used, &[0xee; 16]);
            }
            thread::yield_now();
            for ring in &rings {
                assert_eq!(driver.bytes(ring.used, 16), [0xee; 16], "round {round}");
            }
            driver.write(register::STATUS, 1, 0);
            let _ = driver.function.write_config(4, &6u16.to_le_bytes());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn more_pairs_ask_for_the_control_queue() {
    let mut driver = driver();
    assert_eq!(driver.negotiate(VERSION_1 | MQ) & FEATURES_OK, 0);
}

#[test]
fn while_a_pair_is_looked_at_its_driver_need_not_kick() {
    let mut driver = driver();
    let event_index = 1 << 29;
    let mut rings = start(&mut driver, event_index);
    let mut pair = pairs(&mut driver).swap_remove(0);
    let no_notify = |driver: &Driver<VirtioNet>, ring: &Ring| driver.bytes(ring.used, 1)[0] & 1;
    assert!(!pair.nic.look());
    assert_eq!(no_notify(&driver, &rings[1]), 1);
    rings[1].descriptor(0, BUFFERS, 12 + 60, 0, 0);
    rings[1].publish(0);
    assert!(pair.nic.look());
    assert!(pair.nic.rest());
    assert_eq!(no_notify(&driver, &rings[1]), 0);
    assert_eq!(pair.nic.transmit(&mut Null), Transmit::Idle);
    assert!(!pair.nic.look());
    assert!(!pair.nic.rest());
}
