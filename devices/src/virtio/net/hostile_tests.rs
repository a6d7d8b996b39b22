use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vm_memory::{Bytes, GuestAddress};

use crate::ethernet::testing::{Spec, pattern};
use crate::net::{Loop, Receipt, Transmit};
use crate::virtio::net::{Config, VirtioNet};
use crate::virtio::testing::*;

const VERSION_1: u64 = 1 << 32;
const OFFLOADS: u64 = 1 | 1 << 11 | 1 << 12 | 1 << 13;

fn driver() -> Driver<VirtioNet> {
    Driver::new(VirtioNet::new(Config::new([2, 0, 0, 0, 0, 1])))
}

/// Drives one hostile transmit ring; answers whether the device asked for a reset.
fn faults(make: impl FnOnce(&mut Driver<VirtioNet>, &mut Ring)) -> bool {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | OFFLOADS, 8);
    make(&mut driver, &mut ring);
    let mut wire = Loop::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    driver.status() & NEEDS_RESET != 0
}

#[test]
fn short_and_overlong_frames_are_dropped_and_given_back() {
    for length in [0, 1, 11, 12, 13, 25, 12 + 65_535 + 19, 1 << 20] {
        let mut driver = driver();
        let (_, mut ring) = driver.start(VERSION_1 | OFFLOADS, 8);
        driver.put(BUFFERS, &vec![0; length]);
        ring.offer(&[(BUFFERS, length as u32)], 0);
        let mut wire = Loop::default();
        assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
        assert!(wire.sent.is_empty(), "{length} bytes");
        assert_eq!(ring.take_used().len(), 1);
        assert_eq!(driver.function.device().counters().transmit_dropped, 1);
        assert_eq!(driver.status() & NEEDS_RESET, 0);
    }
}

#[test]
fn headers_that_lie_about_the_frame_drop_it_alone() {
    let lies = [
        header(1, 0, 0, 60, 0),
        header(1, 0, 0, 65_535, 65_535),
        header(1, 1, 0, 34, 16),
        header(0, 1, 1000, 34, 16),
        header(1, 3, 1000, 34, 16),
        header(1, 4, 1000, 34, 16),
        header(1, 1, 1000, 34, 16),
    ];
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | OFFLOADS, 16);
    for (index, lie) in lies.iter().enumerate() {
        let at = BUFFERS + 0x100 * index as u64;
        driver.put(at, &[lie.clone(), vec![0x45; 60]].concat());
        ring.offer(&[(at, 72)], 0);
    }
    let good = BUFFERS + 0x8000;
    driver.put(good, &plain(60));
    ring.offer(&[(good, 72)], 0);
    let mut wire = Loop::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(wire.sent.len(), 1);
    assert_eq!(ring.take_used().len(), lies.len() + 1);
    assert_eq!(driver.status() & NEEDS_RESET, 0);
}

#[test]
fn a_chain_that_loops_asks_for_a_reset() {
    assert!(faults(|_, ring| {
        ring.descriptor(0, BUFFERS, 64, NEXT, 1);
        ring.descriptor(1, BUFFERS, 64, NEXT, 0);
        ring.publish(0);
    }));
}

#[test]
fn a_chain_that_leaves_its_table_asks_for_a_reset() {
    assert!(faults(|_, ring| {
        ring.descriptor(0, BUFFERS, 64, NEXT, 8);
        ring.publish(0);
    }));
    assert!(faults(|_, ring| ring.publish(8)));
    assert!(faults(|_, ring| ring.publish(0xffff)));
}

#[test]
fn an_available_index_too_far_ahead_asks_for_a_reset() {
    assert!(faults(|_, ring| ring.set_available(9)));
    assert!(faults(|_, ring| ring.set_available(0xffff)));
}

#[test]
fn buffers_that_are_not_ram_ask_for_a_reset() {
    for (address, length) in [(RAM, 1), (RAM - 8, 64), (u64::MAX - 4, 64), (BUFFERS, u32::MAX)] {
        assert!(faults(|_, ring| {
            ring.offer(&[(address, length)], 0);
        }));
    }
}

#[test]
fn a_writable_buffer_asks_for_a_reset() {
    assert!(faults(|_, ring| {
        ring.offer(&[(BUFFERS, 64)], WRITE);
    }));
}

#[test]
fn bad_indirect_tables_ask_for_a_reset() {
    let tables = [(BUFFERS, 0), (BUFFERS, 15), (RAM, 16), (u64::MAX - 7, 16), (BUFFERS, 1 << 24)];
    for (address, length) in tables {
        assert!(faults(|_, ring| {
            ring.descriptor(0, address, length, INDIRECT, 0);
            ring.publish(0);
        }));
    }
    assert!(faults(|driver, ring| {
        let nested = [&BUFFERS.to_le_bytes()[..], &16u32.to_le_bytes(), &[4, 0, 0, 0]].concat();
        driver.put(BUFFERS, &nested);
        ring.descriptor(0, BUFFERS, 16, INDIRECT, 0);
        ring.publish(0);
    }));
}

#[test]
fn a_chain_of_too_many_descriptors_asks_for_a_reset() {
    assert!(faults(|_, ring| {
        ring.offer_indirect(&vec![(BUFFERS, 1); 1025], 0);
    }));
}

#[test]
fn rings_outside_ram_ask_for_a_reset() {
    for at in [register::QUEUE_DESCRIPTORS, register::QUEUE_AVAILABLE, register::QUEUE_USED] {
        let mut driver = driver();
        driver.negotiate(VERSION_1);
        let ring = driver.enable(0, 8);
        driver.put(ring.available + 2, &[1, 0]);
        driver.write(register::QUEUE_SELECT, 2, 1);
        let layout = [
            (register::QUEUE_DESCRIPTORS, ring.descriptors),
            (register::QUEUE_AVAILABLE, ring.available),
            (register::QUEUE_USED, ring.used),
        ];
        for (register, value) in layout {
            driver.write(register, 8, value);
        }
        driver.write(at, 8, !15);
        driver.write(register::QUEUE_SIZE, 2, 8);
        driver.write(register::QUEUE_ENABLE, 2, 1);
        driver.driver_ok();
        assert_eq!(driver.transmit(&mut Loop::default()), Transmit::Idle);
        assert_eq!(driver.status() & NEEDS_RESET, NEEDS_RESET);
    }
}

#[test]
fn a_fault_is_told_once_by_the_configuration_interrupt_and_ends_with_a_reset() {
    let mut driver = driver();
    let (_, ring) = driver.start(VERSION_1, 8);
    ring.set_available(100);
    let mut wire = Loop::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(driver.sent.take(), [0]);
    assert_eq!(driver.receive(&[0; 60]), Receipt::Done);

    let (_, mut ring) = driver.start(VERSION_1, 8);
    let buffers = place(&driver, &plain(60), 1000);
    ring.offer(&buffers, 0);
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(wire.sent.len(), 1);
}

#[test]
fn a_driver_that_rewrites_everything_meanwhile_never_stops_the_device() {
    const FAULTS: u64 = 50;
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut driver = driver();
    let features = driver.offered();
    let ram = driver.ram.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    // Scribbles over rings, indirect tables, headers and frames for as long as the device works.
    let scribbler = thread::spawn(move || {
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        while !stopped.load(Ordering::Relaxed) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = 0x1_0000 + (random >> 16) % 0x1_0000;
            ram.write_obj(random as u8 & 0x13, GuestAddress(at)).unwrap();
            ram.write_obj(random as u16, GuestAddress(BUFFERS + at % 64)).unwrap();
        }
    });
    let spec = Spec { payload: pattern(8_000), ..Spec::default() };
    while driver.function.transport().faults() < FAULTS {
        assert!(Instant::now() < deadline, "the device found too few faults");
        let bytes = [header(1, 1, 1368, 34, 16), spec.build()].concat();
        let buffers = place(&driver, &bytes, 4096);
        let (mut receive, mut transmit) = driver.start(features, 64);
        for _ in 0..8 {
            transmit.offer_indirect(&buffers, 0);
            receive.offer(&[(BUFFERS + 0x1_0000, 2048)], WRITE);
        }
        let _ = driver.transmit(&mut Loop::default());
        let _ = driver.receive(&pattern(1500));
        driver.nic().flush();
    }
    stop.store(true, Ordering::Relaxed);
    scribbler.join().unwrap();
    driver.write(register::STATUS, 1, 0);
    assert_eq!(driver.status(), 0);
}
