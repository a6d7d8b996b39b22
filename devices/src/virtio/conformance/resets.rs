//! Resets, of a device and of a queue, at any time (sections 2.4 and 2.6.1).

use super::every;
use super::subject::{SIZE, Subject};
use crate::virtio::testing::*;

/// Half a ring of requests, kicked but not worked on.
fn traffic(subject: &mut Subject, ring: &mut Ring) {
    for _ in 0..SIZE / 2 {
        let (table, length) = ring.table(&subject.request());
        ring.offer_mixed(&[(table, length, INDIRECT)]);
    }
    subject.driver.function.ring(subject.queue.into());
}

/// Does all work there is, kicks again, and asserts that guest memory stays as it is.
fn assert_silence(subject: &mut Subject) {
    let before = subject.driver.bytes(0, RAM as usize);
    let _ = subject.driver.sent.take();
    subject.kick();
    assert!(subject.driver.bytes(0, RAM as usize) == before, "{}", subject.name);
    assert!(subject.driver.sent.take().is_empty(), "{}", subject.name);
}

#[test]
fn a_reset_under_traffic_leaves_memory_alone() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        traffic(&mut subject, &mut ring);
        subject.driver.write(register::STATUS, 1, 0);
        assert_silence(&mut subject);
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
    });
}

#[test]
fn a_queue_that_is_reset_under_traffic_leaves_memory_alone() {
    every(|mut subject| {
        let mut ring = subject.start(RING_RESET);
        traffic(&mut subject, &mut ring);
        subject.driver.write(register::QUEUE_SELECT, 2, subject.queue.into());
        subject.driver.write(register::QUEUE_RESET, 2, 1);
        assert_eq!(subject.driver.read(register::QUEUE_RESET, 2), 0, "{}", subject.name);
        assert_eq!(subject.driver.read(register::QUEUE_ENABLE, 2), 0, "{}", subject.name);
        assert_silence(&mut subject);
        let mut ring = subject.driver.enable(subject.queue, 8);
        subject.assert_serves(&mut ring);
    });
}

#[test]
fn a_queue_is_reset_alone_only_if_that_was_agreed_on() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        subject.driver.write(register::QUEUE_SELECT, 2, subject.queue.into());
        subject.driver.write(register::QUEUE_RESET, 2, 1);
        assert_eq!(subject.driver.read(register::QUEUE_ENABLE, 2), 1, "{}", subject.name);
        subject.assert_serves(&mut ring);
    });
}

#[test]
fn a_function_reset_under_traffic_leaves_memory_alone() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        traffic(&mut subject, &mut ring);
        subject.driver.function.reset();
        assert_eq!(subject.driver.status(), 0, "{}", subject.name);
        assert!(!subject.driver.function.configuration().bus_master(), "{}", subject.name);
        assert_silence(&mut subject);
    });
}

#[test]
fn every_register_is_as_at_first_after_a_reset() {
    every(|mut subject| {
        let registers = |subject: &mut Subject| {
            let queues = 0..subject.queues;
            let queues = queues.flat_map(|queue| {
                subject.driver.write(register::QUEUE_SELECT, 2, queue.into());
                (0..0x3c).map(|at| subject.driver.read(at, 1)).collect::<Vec<_>>()
            });
            queues.collect::<Vec<_>>()
        };
        let before = registers(&mut subject);
        subject.start(EVENT_INDEX | RING_RESET);
        assert!(registers(&mut subject) != before, "{}", subject.name);
        subject.driver.write(register::STATUS, 1, 0);
        assert!(registers(&mut subject) == before, "{}", subject.name);
    });
}

#[test]
fn a_hundred_resets_in_a_row_leave_a_device_that_works() {
    every(|mut subject| {
        for round in 0..100 {
            let mut ring = subject.start(RING_RESET);
            traffic(&mut subject, &mut ring);
            subject.driver.write(register::STATUS, 1, 0);
            assert_eq!(subject.driver.status(), 0, "{}, round {round}", subject.name);
        }
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
    });
}
