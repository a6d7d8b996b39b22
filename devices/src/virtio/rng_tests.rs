use std::io;

use super::*;
use crate::pci::Function;
use crate::virtio::testing::*;

fn start(source: impl Read + Send + 'static) -> (Driver<Rng>, Ring) {
    let mut driver = Driver::new(Rng::new(Box::new(source)));
    driver.negotiate(VERSION_1);
    let ring = driver.enable(0, 8);
    driver.driver_ok();
    (driver, ring)
}

#[test]
fn buffers_are_filled_from_the_source() {
    let (mut driver, mut ring) = start(io::repeat(0x5a));
    ring.offer(&[(BUFFERS, 10), (BUFFERS + 0x1000, 54)], WRITE);
    driver.function.ring(0);
    assert_eq!(ring.take_used(), [(0, 64)]);
    assert_eq!(driver.bytes(BUFFERS, 11), [[0x5a; 10].as_slice(), &[0]].concat());
    assert_eq!(driver.bytes(BUFFERS + 0x1000, 54), [0x5a; 54]);
    assert_eq!(driver.sent.take(), [1]);
}

#[test]
fn a_long_request_gets_a_part() {
    let (mut driver, mut ring) = start(io::repeat(1));
    ring.offer(&[(BUFFERS, 1 << 20)], WRITE);
    driver.function.ring(0);
    assert_eq!(ring.take_used(), [(0, MAX_REQUEST as u32)]);
}

#[test]
fn a_source_that_fails_leaves_the_request_waiting() {
    let (mut driver, mut ring) = start(io::empty());
    ring.offer(&[(BUFFERS, 64)], WRITE);
    driver.function.ring(0);
    assert!(ring.take_used().is_empty());
    assert_eq!(driver.status() & NEEDS_RESET, 0);
}

#[test]
fn a_readable_buffer_asks_for_a_reset() {
    let (mut driver, mut ring) = start(io::repeat(1));
    ring.offer(&[(BUFFERS, 64)], 0);
    driver.function.ring(0);
    assert_eq!(driver.status() & NEEDS_RESET, NEEDS_RESET);
}
