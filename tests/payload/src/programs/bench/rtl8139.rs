//! The RTL8139C+. By interrupts as 8139cp drives it: a doorbell for each frame, an interrupt for whatever
//! the NIC has to tell. Else a doorbell when the ring is full.

use super::{Driver, Job};
use crate::contract::FIRST_VECTOR;
use crate::rtl8139::{NO_ROOM, RECEIVED, SENT};
use crate::{apic, interrupts, rtl8139};

const VECTOR: u8 = FIRST_VECTOR + 5;

pub struct Rtl8139 {
    nic: rtl8139::Rtl8139,
    job: Job,
    /// Transmit descriptors.
    free: u64,
    /// Interrupts handled.
    handled: u64,
    /// Frames were queued since the doorbell rang.
    untold: bool,
    doorbells: u64,
}

impl Rtl8139 {
    /// Finds NIC `number` and starts it.
    pub fn open(job: Job, number: usize) -> Self {
        let mut nic = rtl8139::Rtl8139::open_number(number);
        if job.interrupts {
            apic::route_level(nic.function.interrupt_pin(), VECTOR);
            nic.unmask(SENT | RECEIVED | NO_ROOM);
        }
        let (free, handled) = (nic.reclaim(), interrupts::count(VECTOR));
        Self { nic, job, free, handled, untold: false, doorbells: 0 }
    }

    fn ring(&mut self) {
        self.nic.poll();
        self.doorbells += 1;
        self.untold = false;
    }
}

impl Driver for Rtl8139 {
    fn send(&mut self) -> bool {
        let pieces = self.job.pieces();
        let count = pieces.clone().count() as u64;
        if self.free < count {
            return false;
        }
        self.nic.queue(pieces, self.job.mss);
        self.free -= count;
        self.untold = true;
        if self.job.interrupts {
            self.ring();
        }
        true
    }

    fn handle(&mut self) -> bool {
        if self.job.interrupts {
            let count = interrupts::count(VECTOR);
            if count == self.handled {
                return false;
            }
            self.handled = count;
            self.nic.acknowledge();
            apic::end_of_interrupt();
        }
        self.free = self.nic.reclaim();
        true
    }

    fn receive(&mut self) -> Option<usize> {
        self.nic.receive().map(|(_, length)| length)
    }

    fn rest(&mut self) -> bool {
        if self.untold {
            self.ring();
        }
        false
    }

    fn idle(&mut self) -> bool {
        self.nic.is_idle()
    }

    fn interrupts(&self) -> u64 {
        interrupts::count(VECTOR)
    }

    fn doorbells(&self) -> u64 {
        self.doorbells
    }
}
