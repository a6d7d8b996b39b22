//! Layout of queues, and their sizes (sections 2.7 and 4.1.4.3).

use super::every;
use super::subject::{SIZE, Subject};
use crate::interrupt::Messages;
use crate::memory::DmaMemory;
use crate::pci::Function;
use crate::virtio::testing::*;
use crate::virtio::{Kind, Served, Transport, TransportError, VirtioDevice, VirtioPci, serve};

/// The greatest size that there is.
const GREATEST: u16 = 1 << 15;

/// Writes a good layout, of `size` descriptors, and enables the queue.
fn enable(subject: &mut Subject, size: u16) -> bool {
    subject.negotiate(0);
    subject.driver.enable_ring(subject.queue, &Ring::at(ram(), [0x1000, 0x2000, 0x3000], size));
    subject.driver.read(register::QUEUE_ENABLE, 2) == 1
}

fn greatest_size(subject: &mut Subject) -> u16 {
    subject.driver.write(register::STATUS, 1, 0);
    subject.driver.write(register::QUEUE_SELECT, 2, subject.queue.into());
    subject.driver.read(register::QUEUE_SIZE, 2) as u16
}

#[test]
fn powers_of_two_up_to_the_greatest_are_sizes_and_others_ask_for_a_reset() {
    every(|mut subject| {
        let greatest = greatest_size(&mut subject);
        let large = (10..16).flat_map(|exponent| {
            let power = 1 << exponent;
            [power - 1, power, power + 1]
        });
        for size in (0..=1025).chain(large).chain([u16::MAX]) {
            let good = size.is_power_of_two() && size <= greatest;
            assert_eq!(enable(&mut subject, size), good, "{}: {size}", subject.name);
            let asks = subject.driver.status() & NEEDS_RESET != 0;
            assert_eq!(asks, !good, "{}: {size}", subject.name);
        }
    });
}

#[test]
fn a_queue_of_every_size_goes_round_and_round() {
    every(|mut subject| {
        let greatest = greatest_size(&mut subject);
        for size in (0..16).map(|exponent| 1 << exponent).take_while(|size| *size <= greatest) {
            subject.negotiate(0);
            let mut ring = subject.driver.enable(subject.queue, size);
            subject.driver.driver_ok();
            for _ in 0..=3 * u32::from(size) {
                // In a table of its own: a queue of one descriptor holds any request.
                let (table, length) = ring.table(&subject.request());
                ring.offer_mixed(&[(table, length, INDIRECT)]);
                subject.kick();
                let lengths: Vec<u32> = ring.take_used().iter().map(|used| used.1).collect();
                assert_eq!(lengths, [subject.written], "{}: {size}", subject.name);
            }
        }
    });
}

#[test]
fn rings_out_of_line_ask_for_a_reset() {
    every(|mut subject| {
        for layout in [[0x1008, 0x2000, 0x3000], [0x1000, 0x2001, 0x3000], [0x1000, 0x2000, 0x3002]]
        {
            subject.negotiate(0);
            subject.driver.enable_ring(subject.queue, &Ring::at(ram(), layout, SIZE));
            assert_eq!(subject.driver.read(register::QUEUE_ENABLE, 2), 0, "{}", subject.name);
            subject.assert_fault();
        }
    });
}

#[test]
fn rings_that_do_not_lie_in_ram_ask_for_a_reset() {
    every(|mut subject| {
        for which in 0..3 {
            for address in [RAM - 16, RAM, !15] {
                let mut layout = [0x1_0000, 0x1_4000, 0x1_6000];
                layout[which] = address;
                subject.negotiate(0);
                let mut ring = Ring::at(subject.driver.ram.clone(), [0x1_0000, 0x1_4000, 0], SIZE);
                ring.set_available(0);
                subject.driver.enable_ring(subject.queue, &Ring::at(ram(), layout, SIZE));
                subject.driver.driver_ok();
                ring.offer_mixed(&subject.request());
                subject.kick();
                subject.assert_fault();
            }
        }
    });
}

#[test]
fn what_is_in_use_keeps_its_layout() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        subject.driver.enable_ring(subject.queue, &Ring::at(ram(), [0x1000, 0x2000, 0x3000], 2));
        assert_eq!(subject.driver.read(register::QUEUE_SIZE, 2), u64::from(SIZE));
        assert_eq!(subject.driver.read(register::QUEUE_DESCRIPTORS, 8), ring.descriptors);
        subject.assert_serves(&mut ring);
    });
}

#[test]
fn queues_that_do_not_exist_have_no_size_and_cannot_be_used() {
    every(|mut subject| {
        let mut ring = subject.start(RING_RESET);
        for queue in [subject.queues, subject.queues + 1, 1023, u16::MAX] {
            subject.driver.write(register::QUEUE_SELECT, 2, queue.into());
            assert_eq!(subject.driver.read(register::QUEUE_SIZE, 2), 0, "{}", subject.name);
            subject.driver.write(register::QUEUE_SIZE, 2, 8);
            subject.driver.write(register::QUEUE_ENABLE, 2, 1);
            subject.driver.write(register::QUEUE_RESET, 2, 1);
            assert_eq!(subject.driver.read(register::QUEUE_ENABLE, 2), 0, "{}", subject.name);
            subject.driver.function.ring(queue.into());
        }
        subject.assert_serves(&mut ring);
    });
}

#[test]
fn a_queue_is_not_used_before_it_is_enabled() {
    every(|mut subject| {
        subject.negotiate(0);
        let mut ring = Ring::new(subject.driver.ram.clone(), subject.queue, SIZE);
        subject.driver.driver_ok();
        assert!(subject.ask(&mut ring).is_empty(), "{}", subject.name);
        subject.driver.enable_ring(subject.queue, &ring);
        subject.kick();
        assert_eq!(ring.take_used().len(), 1, "{}", subject.name);
    });
}

/// A device with one queue of the greatest size that gives everything back.
struct Wide(u16);

impl Wide {
    fn function(self) -> Result<VirtioPci<Self>, TransportError> {
        let messages: std::sync::Arc<dyn Messages> = std::sync::Arc::<Recorder>::default();
        VirtioPci::new(self, DmaMemory::new(ram()), messages)
    }
}

impl VirtioDevice for Wide {
    fn kind(&self) -> Kind {
        Kind::modern(42, [0xff, 0, 0])
    }

    fn features(&self) -> u64 {
        0
    }

    fn queue_sizes(&self) -> &[u16] {
        std::slice::from_ref(&self.0)
    }

    fn read_configuration(&self, _offset: usize, data: &mut [u8]) {
        data.fill(0);
    }

    fn start(&mut self, _features: u64) {}

    fn stop(&mut self) {}

    fn notified(&mut self, queue: u16, transport: &mut Transport) -> bool {
        serve(transport, queue, |_, _| Ok(Served::Done(0)))
    }
}

#[test]
fn a_queue_of_32768_descriptors_can_be_full_and_wraps() {
    let mut driver = Driver::new(Wide(GREATEST));
    driver.negotiate(VERSION_1);
    let layout = [0x10_0000, 0x18_0000, 0x1a_0000];
    let mut ring = Ring::at(driver.ram.clone(), layout, GREATEST);
    driver.enable_ring(0, &ring);
    assert_eq!(driver.read(register::QUEUE_ENABLE, 2), 1);
    driver.driver_ok();
    for _ in 0..3 {
        let heads: Vec<u32> =
            (0..GREATEST).map(|_| ring.offer(&[(BUFFERS, 1)], 0).into()).collect();
        driver.function.ring(0);
        while let Some(bell) = driver.function.unfinished() {
            driver.function.ring(bell);
        }
        let used: Vec<u32> = ring.take_used().into_iter().map(|(head, _)| head).collect();
        assert!(used == heads, "{} of {} came back", used.len(), heads.len());
    }
}

#[test]
fn a_device_cannot_have_a_queue_that_the_specification_does_not_know() {
    for size in [0, 3, GREATEST + 1, u16::MAX] {
        assert_eq!(Wide(size).function().err(), Some(TransportError::QueueSize(0)));
    }
    assert!(Wide(1).function().is_ok());
}
