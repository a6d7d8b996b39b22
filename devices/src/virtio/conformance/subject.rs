//! A queue that the rules are tried on, with a request that its device takes.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::pci::Function;
use crate::virtio::testing::*;

/// A driver of any device.
pub type AnyDriver = DriverOf<dyn Function>;

/// Descriptors of a queue, where a rule does not need another number: as many as every queue has.
pub const SIZE: u16 = 8;
/// Where a request's readable bytes lie, and where its answer goes.
pub const ASKED: u64 = BUFFERS;
pub const ANSWERED: u64 = BUFFERS + 0x8000;

/// What becomes of a chain whose buffers hold nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// It is given back, with nothing written.
    Done,
    /// It stays where it is: the frame that did not fit is lost.
    Stays,
    /// The driver made a mistake.
    Fault,
}

/// A queue of a device.
pub struct Subject {
    /// Its name, for messages.
    pub name: &'static str,
    pub driver: Box<AnyDriver>,
    /// How many queues the device has, and which one this is.
    pub queues: u16,
    pub queue: u16,
    /// A request: readable bytes, and the length of a buffer for the answer.
    pub readable: Vec<u8>,
    pub writable: u32,
    /// What its used element says was written.
    pub written: u32,
    pub empty: Empty,
    /// What the machine does once the doorbell rang.
    pub work: Box<dyn FnMut(&mut AnyDriver)>,
    /// Requests that the device's other side saw.
    pub done: Arc<AtomicUsize>,
}

impl Subject {
    /// Everything that comes before the queues, with `features` of the ring.
    pub fn negotiate(&mut self, features: u64) {
        let status = self.driver.negotiate(VERSION_1 | features);
        assert_eq!(status & FEATURES_OK, FEATURES_OK, "{}", self.name);
    }

    /// Negotiates, sets all queues up and gets ready; answers the ring of the queue.
    pub fn start(&mut self, features: u64) -> Ring {
        self.negotiate(features);
        let rings = (0..self.queues).map(|queue| self.driver.enable(queue, SIZE));
        let ring = rings.collect::<Vec<_>>().swap_remove(self.queue.into());
        self.driver.driver_ok();
        ring
    }

    /// The buffers of a request, which is written.
    pub fn request(&self) -> Vec<(u64, u32, u16)> {
        self.driver.put(ASKED, &self.readable);
        let readable = (ASKED, self.readable.len() as u32, 0);
        let buffers = [readable, (ANSWERED, self.writable, WRITE)];
        buffers.into_iter().filter(|(_, length, _)| *length > 0).collect()
    }

    /// The flags of a request's first buffer.
    pub fn flags(&self) -> u16 {
        if self.readable.is_empty() { WRITE } else { 0 }
    }

    /// Kicks, and has the work done, until nothing is left of it.
    pub fn kick(&mut self) {
        self.driver.function.ring(self.queue.into());
        self.work_unfinished();
    }

    /// Has the work done, until nothing is left of it.
    pub fn work_unfinished(&mut self) {
        (self.work)(&mut self.driver);
        while let Some(bell) = self.driver.function.unfinished() {
            self.driver.function.ring(bell);
            (self.work)(&mut self.driver);
        }
    }

    /// Has a request served and answers what was given back.
    pub fn ask(&mut self, ring: &mut Ring) -> Vec<(u32, u32)> {
        ring.offer_mixed(&self.request());
        self.kick();
        ring.take_used()
    }

    /// Asserts that a request is served as it should be.
    pub fn assert_serves(&mut self, ring: &mut Ring) {
        let lengths: Vec<u32> = self.ask(ring).iter().map(|(_, length)| *length).collect();
        assert_eq!(lengths, [self.written], "{}", self.name);
        assert_eq!(self.driver.status() & NEEDS_RESET, 0, "{}", self.name);
    }

    /// Asserts that the device asks to be reset, and works again after that.
    pub fn assert_fault(&mut self) {
        assert_eq!(self.driver.status() & NEEDS_RESET, NEEDS_RESET, "{}", self.name);
        let mut ring = self.start(0);
        self.assert_serves(&mut ring);
    }
}
