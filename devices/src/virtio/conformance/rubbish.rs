//! Rings full of rubbish, with a good request now and then: devices stop or go on, and never fail us.

use std::sync::atomic::Ordering;

use super::every;
use super::subject::SIZE;
use crate::pci::Function;
use crate::virtio::testing::*;

const ROUNDS: u32 = 2000;

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

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Writes descriptors that may mean anything, most of them near to what is allowed.
fn scribble(dice: &mut Dice, driver: &DriverOf<dyn Function>, ring: &mut Ring) {
    for index in 0..SIZE {
        let near = BUFFERS + dice.below(0x1_0000);
        let address = if dice.once_in(20) { dice.roll() } else { near };
        let longest = if dice.once_in(20) { 1 << 32 } else { 600 };
        let length = dice.below(longest) as u32;
        let kinds = if dice.once_in(8) { 8 } else { 4 };
        let flags = dice.below(kinds) as u16;
        ring.descriptor(index, address, length, flags, dice.below(17) as u16);
    }
    driver.put(BUFFERS + dice.below(0x1_0000), &dice.roll().to_le_bytes());
    for _ in 0..dice.below(3) {
        ring.publish(dice.below(u64::from(SIZE) + 1) as u16);
    }
    if dice.once_in(100) {
        ring.set_available(dice.roll() as u16);
    }
}

#[test]
fn rubbish_stops_a_device_at_most_until_its_reset() {
    every(|mut subject| {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let offered = subject.driver.offered();
        let mut ring = subject.start(RING_RESET);
        let (mut faults, mut completed) = (0, 0);
        for _ in 0..ROUNDS {
            let status = subject.driver.status();
            faults += u32::from(status & NEEDS_RESET != 0);
            if status & (NEEDS_RESET | DRIVER_OK) != DRIVER_OK || dice.once_in(50) {
                subject.driver.negotiate(VERSION_1 | RING_RESET | offered & dice.roll());
                let rings = (0..subject.queues).map(|queue| subject.driver.enable(queue, SIZE));
                ring = rings.collect::<Vec<_>>().swap_remove(subject.queue.into());
                subject.driver.driver_ok();
            }
            if dice.once_in(2) {
                ring.offer_mixed(&subject.request());
            } else {
                scribble(&mut dice, &subject.driver, &mut ring);
            }
            if dice.once_in(3) {
                subject.driver.function.ring(subject.queue.into());
            } else {
                subject.kick();
            }
            completed += ring.take_used().len();
            if dice.once_in(40) {
                subject.driver.write(register::QUEUE_SELECT, 2, subject.queue.into());
                subject.driver.write(register::QUEUE_RESET, 2, 1);
                ring = subject.driver.enable(subject.queue, SIZE);
            }
        }
        assert!(faults > 100, "{}: only {faults} faults", subject.name);
        assert!(completed > 100, "{}: only {completed} chains came back", subject.name);
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
        let done = subject.done.load(Ordering::Relaxed);
        assert!(done > 100, "{}: only {done} were done", subject.name);
    });
}
