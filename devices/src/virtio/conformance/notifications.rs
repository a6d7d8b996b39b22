//! Kicks, interrupts, and who may be told what when (sections 2.7.7, 2.7.10, 3.1 and 4.1.5).

use super::every;
use super::subject::{SIZE, Subject};
use crate::virtio::testing::*;

/// Bus mastering, and without it.
const ON: [u8; 2] = [6, 0];
const OFF: [u8; 2] = [2, 0];
const COMMAND: usize = 4;
const NO_INTERRUPT: u16 = 1;

#[test]
fn a_kick_before_the_driver_is_ready_does_nothing() {
    every(|mut subject| {
        subject.negotiate(0);
        let mut ring = subject.driver.enable(subject.queue, SIZE);
        assert!(subject.ask(&mut ring).is_empty(), "{}", subject.name);
        assert_eq!(subject.driver.status() & NEEDS_RESET, 0, "{}", subject.name);
        // What was offered too early waits for the first kick after that.
        subject.driver.driver_ok();
        subject.kick();
        assert_eq!(ring.take_used().len(), 1, "{}", subject.name);
    });
}

#[test]
fn doorbells_may_be_written_at_any_time_in_any_width() {
    every(|mut subject| {
        for offset in [0, 4, 8, 2048, 4092] {
            for width in [1, 2, 4] {
                subject.driver.write(register::NOTIFY + offset, width, u64::MAX);
            }
        }
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
    });
}

#[test]
fn without_bus_mastering_memory_stays_as_it_is_and_work_waits() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        let _ = subject.driver.function.write_config(COMMAND, &OFF);
        let before = subject.driver.bytes(0, RAM as usize);
        subject.kick();
        assert!(subject.driver.bytes(0, RAM as usize) == before, "{}", subject.name);
        assert!(subject.ask(&mut ring).is_empty(), "{}", subject.name);
        let _ = subject.driver.function.write_config(COMMAND, &ON);
        subject.work_unfinished();
        assert_eq!(ring.take_used().len(), 1, "{}: the kick is lost", subject.name);
    });
}

#[test]
fn what_ends_without_bus_mastering_is_given_back_with_it() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        ring.offer_mixed(&subject.request());
        subject.driver.function.ring(subject.queue.into());
        let served = ring.take_used().len();
        let _ = subject.driver.function.write_config(COMMAND, &OFF);
        subject.work_unfinished();
        let _ = subject.driver.function.write_config(COMMAND, &ON);
        subject.work_unfinished();
        assert_eq!(served + ring.take_used().len(), 1, "{}: a request is lost", subject.name);
    });
}

#[test]
fn what_is_given_back_is_told_by_the_vector_of_the_queue() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
        assert_eq!(subject.driver.sent.take(), [subject.queue + 1], "{}", subject.name);
    });
}

#[test]
fn a_driver_that_wants_no_interrupt_gets_none() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        ring.set_available_flags(NO_INTERRUPT);
        subject.assert_serves(&mut ring);
        assert!(subject.driver.sent.take().is_empty(), "{}", subject.name);
    });
}

#[test]
fn the_event_index_says_from_where_on_there_is_an_interrupt() {
    every(|mut subject| {
        let mut ring = subject.start(EVENT_INDEX);
        ring.set_used_event(1);
        subject.assert_serves(&mut ring);
        assert!(subject.driver.sent.take().is_empty(), "{}", subject.name);
        subject.assert_serves(&mut ring);
        assert_eq!(subject.driver.sent.take(), [subject.queue + 1], "{}", subject.name);
        subject.assert_serves(&mut ring);
        assert!(subject.driver.sent.take().is_empty(), "{}", subject.name);
    });
}

#[test]
fn without_a_vector_nothing_is_told() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        subject.driver.write(register::QUEUE_SELECT, 2, subject.queue.into());
        subject.driver.write(register::QUEUE_VECTOR, 2, 0xffff);
        subject.assert_serves(&mut ring);
        assert!(subject.driver.sent.take().is_empty(), "{}", subject.name);
    });
}

#[test]
fn without_msix_the_line_says_so_until_isr_is_read() {
    every(|mut subject| {
        subject.driver.disable_msix();
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
        assert!(subject.driver.function.level(), "{}", subject.name);
        assert_eq!(subject.driver.read(register::ISR, 1), 1, "{}", subject.name);
        assert!(!subject.driver.function.level(), "{}", subject.name);
    });
}

/// Has the device find a mistake.
fn spoil(subject: &mut Subject, ring: &Ring) {
    ring.set_available(SIZE + 1);
    subject.kick();
    subject.kick();
    assert_eq!(subject.driver.status() & NEEDS_RESET, NEEDS_RESET, "{}", subject.name);
}

#[test]
fn that_a_reset_is_needed_is_told_once_by_the_configurations_vector() {
    every(|mut subject| {
        let ring = subject.start(0);
        spoil(&mut subject, &ring);
        assert_eq!(subject.driver.sent.take(), [0], "{}", subject.name);
    });
}

#[test]
fn that_a_reset_is_needed_is_told_by_isr_without_msix() {
    every(|mut subject| {
        subject.driver.disable_msix();
        let ring = subject.start(0);
        spoil(&mut subject, &ring);
        assert!(subject.driver.function.level(), "{}", subject.name);
        assert_eq!(subject.driver.read(register::ISR, 1), 2, "{}", subject.name);
    });
}

#[test]
fn that_a_reset_is_needed_is_not_told_before_the_driver_is_ready() {
    every(|mut subject| {
        subject.negotiate(0);
        subject.driver.write(register::CONFIGURATION_VECTOR, 2, 0);
        subject.driver.enable_ring(subject.queue, &Ring::at(ram(), [1, 1, 1], SIZE));
        assert_eq!(subject.driver.status() & NEEDS_RESET, NEEDS_RESET, "{}", subject.name);
        assert!(subject.driver.sent.take().is_empty(), "{}", subject.name);
        subject.assert_fault();
    });
}
