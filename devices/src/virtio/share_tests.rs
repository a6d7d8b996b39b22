use super::*;
use crate::pci::Function;
use crate::virtio::WOKEN;
use crate::virtio::testing::*;

const ANSWER: u64 = BUFFERS + 0x10_0000;

/// A device that answers with what it was told, backwards.
fn start() -> (Driver<Share>, Ring, Workbench<Exchange>) {
    let bench = Workbench::new(|exchange: &mut Exchange| {
        exchange.answer = exchange.message.iter().rev().copied().collect();
    });
    let mut driver = Driver::new(Share::new("/home/me", Box::new(bench.clone())));
    driver.negotiate(VERSION_1 | MOUNT_TAG);
    let ring = driver.enable(0, 16);
    driver.driver_ok();
    (driver, ring, bench)
}

fn ask(driver: &mut Driver<Share>, ring: &mut Ring, message: &[u8], room: u32) {
    driver.put(BUFFERS, message);
    ring.descriptor(0, BUFFERS, message.len() as u32, NEXT, 1);
    ring.descriptor(1, ANSWER, room, WRITE, 0);
    ring.publish(0);
    driver.function.ring(0);
}

#[test]
fn a_message_is_answered_when_the_work_is_done() {
    let (mut driver, mut ring, bench) = start();
    ask(&mut driver, &mut ring, b"hello", 64);
    assert!(ring.take_used().is_empty());
    bench.work();
    driver.function.ring(WOKEN);
    assert_eq!(ring.take_used(), [(0, 5)]);
    assert_eq!(driver.bytes(ANSWER, 5), b"olleh");
}

#[test]
fn an_answer_is_cut_to_the_room_there_is() {
    let (mut driver, mut ring, bench) = start();
    ask(&mut driver, &mut ring, b"hello", 3);
    bench.work();
    driver.function.ring(WOKEN);
    assert_eq!(ring.take_used(), [(0, 3)]);
    assert_eq!(driver.bytes(ANSWER, 4), b"oll\0");
}

#[test]
fn of_a_message_that_is_too_long_only_the_start_is_looked_at() {
    let (mut driver, mut ring, bench) = start();
    ring.descriptor(0, BUFFERS, MAX_MESSAGE as u32 + 1, NEXT, 1);
    ring.descriptor(1, ANSWER, 8, WRITE, 0);
    ring.publish(0);
    driver.function.ring(0);
    bench.work();
    driver.function.ring(WOKEN);
    assert_eq!(ring.take_used(), [(0, 8)]);
}

#[test]
fn a_chain_without_a_message_or_without_room_is_a_fault() {
    for flags in [0, WRITE] {
        let (mut driver, mut ring, _) = start();
        ring.offer(&[(BUFFERS, 64)], flags);
        driver.function.ring(0);
        assert_eq!(driver.status() & NEEDS_RESET, NEEDS_RESET);
    }
}

#[test]
fn the_tag_is_in_the_configuration() {
    let (mut driver, _, _) = start();
    assert_eq!(driver.read(register::DEVICE, 2), 8);
    assert_eq!(driver.read(register::DEVICE + 2, 8).to_le_bytes(), *b"/home/me");
}
