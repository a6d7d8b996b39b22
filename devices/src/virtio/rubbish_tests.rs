//! Devices other than NICs on rings full of rubbish: they stop or go on, and never fail us.

use std::io;

use super::testing::*;
use super::{Executor, Job, VirtioDevice, WOKEN, block, share, vsock};
use crate::pci::Function;

const VERSION_1: u64 = 1 << 32;
const RING_RESET: u64 = 1 << 40;
const ROUNDS: u32 = 2000;
const SIZE: u16 = 16;

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }
}

/// Drives `device` with descriptors, indexes, kicks and resets as the dice have it.
fn torment<D: VirtioDevice>(device: D, queues: u16, mut work: impl FnMut()) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut driver = Driver::new(device);
    let offered = driver.offered();
    let mut rings = Vec::new();
    for _ in 0..ROUNDS {
        if driver.status() & (NEEDS_RESET | DRIVER_OK) != DRIVER_OK || dice.below(50) == 0 {
            let features = VERSION_1 | offered & dice.roll() | RING_RESET;
            driver.negotiate(features);
            rings = (0..queues).map(|queue| driver.enable(queue, SIZE)).collect();
            driver.driver_ok();
        }
        let queue = dice.below(u64::from(queues)) as u16;
        let ring: &mut Ring = &mut rings[usize::from(queue)];
        for index in 0..SIZE {
            let near = BUFFERS + dice.below(0x1_0000);
            let address = if dice.below(20) == 0 { dice.roll() } else { near };
            let longest = if dice.below(20) == 0 { 1 << 32 } else { 600 };
            let length = dice.below(longest) as u32;
            let kinds = if dice.below(8) == 0 { 8 } else { 4 };
            let flags = dice.below(kinds) as u16;
            ring.descriptor(index, address, length, flags, dice.below(17) as u16);
        }
        for _ in 0..dice.below(4) {
            ring.publish(dice.below(u64::from(SIZE) + 1) as u16);
        }
        if dice.below(100) == 0 {
            ring.set_available(dice.roll() as u16);
        }
        driver.put(BUFFERS + dice.below(0x1_0000), &dice.roll().to_le_bytes());
        driver.function.ring(queue.into());
        if dice.below(3) == 0 {
            work();
            driver.function.ring(WOKEN);
        }
        if dice.below(40) == 0 {
            driver.write(register::QUEUE_SELECT, 2, queue.into());
            driver.write(register::QUEUE_RESET, 2, 1);
            rings[usize::from(queue)] = driver.enable(queue, SIZE);
        }
    }
}

#[test]
fn a_disk_survives_rubbish() {
    let bench = Workbench::new(|request: &mut block::Request| {
        let (memory, data) = (request.memory.clone(), request.data.clone());
        let _ = request.buffers.copy(&memory, data, &mut [0; 512]);
        request.outcome = block::Outcome::Done;
    });
    let config = block::Config {
        sectors: 1 << 20,
        read_only: false,
        discard: true,
        serial: String::new(),
        queues: 2,
    };
    torment(block::Block::new(config, Box::new(bench.clone())), 2, || bench.work());
}

#[test]
fn a_shared_directory_survives_rubbish() {
    let bench = Workbench::new(|exchange: &mut share::Exchange| {
        exchange.answer.clone_from(&exchange.message);
    });
    torment(share::Share::new("/tag", Box::new(bench.clone())), 1, || bench.work());
}

/// A host on which everybody listens, and nobody says anything.
struct Silent;

impl vsock::Host for Silent {
    fn connect(&mut self, _key: vsock::Key) -> Option<Box<dyn vsock::Stream>> {
        Some(Box::new(Self))
    }

    fn accept(&mut self) -> Option<(vsock::Key, Box<dyn vsock::Stream>)> {
        None
    }

    fn woken(&mut self) -> Vec<vsock::Key> {
        Vec::new()
    }
}

impl vsock::Stream for Silent {
    fn read(&mut self, _data: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(data.len() / 2)
    }

    fn finish_writing(&mut self) {}
}

#[test]
fn a_vsock_survives_rubbish() {
    torment(vsock::Vsock::new(Box::new(Silent)), 3, || ());
}

/// Does nothing, ever.
struct Idle;

impl<W: Send> Executor<W> for Idle {
    fn submit(&mut self, _job: Job<W>) {}

    fn finished(&mut self) -> Option<Job<W>> {
        None
    }

    fn cancel(&mut self, _queue: Option<u16>) {}
}

#[test]
fn queues_of_every_size_up_to_the_greatest_are_taken_and_no_other() {
    let device = || share::Share::new("/tag", Box::new(Idle));
    for size in 0..=1024u16 {
        let mut driver = Driver::new(device());
        driver.negotiate(VERSION_1);
        driver.write(register::QUEUE_SELECT, 2, 0);
        driver.write(register::QUEUE_SIZE, 2, size.into());
        for (address, at) in [
            (register::QUEUE_DESCRIPTORS, 0x1_0000),
            (register::QUEUE_AVAILABLE, 0x2_0000),
            (register::QUEUE_USED, 0x3_0000),
        ] {
            driver.write(address, 8, at);
        }
        driver.write(register::QUEUE_ENABLE, 2, 1);
        let good = size.is_power_of_two() && size <= 128;
        assert_eq!(driver.read(register::QUEUE_ENABLE, 2) == 1, good, "{size}");
        assert_eq!(driver.status() & NEEDS_RESET == 0, good, "{size}");
    }
}

#[test]
fn a_kick_before_the_driver_is_ready_does_nothing() {
    let bench = Workbench::new(|_: &mut share::Exchange| {});
    let mut driver = Driver::new(share::Share::new("/tag", Box::new(bench.clone())));
    driver.negotiate(VERSION_1);
    let mut ring = driver.enable(0, SIZE);
    ring.descriptor(0, BUFFERS, 8, NEXT, 1);
    ring.descriptor(1, BUFFERS + 0x1000, 8, WRITE, 0);
    ring.publish(0);
    driver.function.ring(0);
    assert_eq!(bench.waiting(), 0);
    driver.driver_ok();
    driver.function.ring(0);
    assert_eq!(bench.waiting(), 1);
}
