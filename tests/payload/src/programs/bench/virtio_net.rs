//! virtio-net: doorbells by event index, received frames in buffers that may be merged. By interrupts as
//! Linux drives it: sent buffers are taken back when three quarters of them are done.

use super::{Driver, Job};
use crate::contract::FIRST_VECTOR;
use crate::virtio_net::{
    CSUM, Device, EVENT_INDEX, HEADER, HOST_TSO4_ECN, MRG_RXBUF, RECEIVE, TRANSMIT,
    ask_for_segments,
};
use crate::virtqueue::Virtqueue;
use crate::{apic, interrupts, io, memory};

/// Of the receive queue and the transmit queue.
const VECTORS: [u8; 2] = [FIRST_VECTOR + 6, FIRST_VECTOR + 7];
/// Descriptors of either queue.
const SIZE: u16 = 256;
/// Bytes of a receive buffer.
const BUFFER: u64 = 2048;

pub struct VirtioNet {
    transmit: Virtqueue,
    receive: Virtqueue,
    bells: [u64; 2],
    buffers: u64,
    header: u64,
    job: Job,
    /// Descriptors of a frame.
    pieces: u16,
    received: u16,
    /// Chains that had been added when the device was last asked whether it wants to hear of them.
    told: u16,
    handled: [u64; 2],
    doorbells: u64,
}

impl VirtioNet {
    /// Finds NIC `number` and starts it; nothing if it does not offer what super-frames take.
    pub fn open(job: Job, number: usize) -> Option<Self> {
        let device = Device::find(number);
        let segments = if job.mss == 0 { 0 } else { CSUM | HOST_TSO4_ECN };
        if !device.negotiate(segments | MRG_RXBUF | EVENT_INDEX) {
            return None;
        }
        let (receive, receive_bell) = device.queue(RECEIVE, SIZE, VECTORS[0]);
        let (transmit, transmit_bell) = device.queue(TRANSMIT, SIZE, VECTORS[1]);
        device.start();
        let header = memory::allocate(HEADER);
        if job.mss != 0 {
            ask_for_segments(header, job.mss);
        }
        let mut new = Self {
            transmit,
            receive,
            bells: [receive_bell, transmit_bell],
            buffers: memory::allocate(usize::from(SIZE) * BUFFER as usize),
            header,
            job,
            pieces: 0,
            told: 0,
            received: 0,
            handled: VECTORS.map(interrupts::count),
            doorbells: 0,
        };
        new.pieces = new.chain().count() as u16;
        for index in 0..SIZE {
            new.give(index);
        }
        io::write(receive_bell, RECEIVE);
        Some(new)
    }

    fn chain(&self) -> impl Iterator<Item = (u64, usize)> + Clone + use<> {
        core::iter::once((self.header, HEADER)).chain(self.job.pieces())
    }

    fn give(&mut self, index: u16) {
        let address = self.buffers + BUFFER * u64::from(index);
        self.receive.add_writable(index, address, BUFFER as usize);
    }

    /// Kicks if the device wants to hear of what was added since it was last asked.
    fn kick(&mut self) {
        let before = core::mem::replace(&mut self.told, self.transmit.added());
        if self.transmit.wants_kick(before) {
            io::write(self.bells[1], TRANSMIT);
            self.doorbells += 1;
        }
    }

    /// Chains that the NIC has and has not sent.
    fn outstanding(&self) -> u16 {
        self.transmit.added().wrapping_sub(self.transmit.completed())
    }
}

impl Driver for VirtioNet {
    fn send(&mut self) -> bool {
        if (self.outstanding() + 1) * self.pieces > SIZE {
            return false;
        }
        self.transmit.add(self.chain());
        if self.job.interrupts {
            self.kick();
        }
        true
    }

    fn handle(&mut self) -> bool {
        if !self.job.interrupts {
            return true;
        }
        let counts = VECTORS.map(interrupts::count);
        if counts == self.handled {
            return false;
        }
        self.handled = counts;
        apic::end_of_interrupt();
        true
    }

    fn receive(&mut self) -> Option<usize> {
        if self.receive.completed() == self.received {
            return None;
        }
        let (index, length) = self.receive.returned(self.received);
        self.received = self.received.wrapping_add(1);
        let before = self.receive.added();
        self.give(index);
        if self.receive.wants_kick(before) {
            io::write(self.bells[0], RECEIVE);
            self.doorbells += 1;
        }
        Some((length as usize).saturating_sub(HEADER))
    }

    fn rest(&mut self) -> bool {
        self.kick();
        if !self.job.interrupts {
            return false;
        }
        let most = self.outstanding() / 4 * 3;
        let sent = self.transmit.interrupt_after(self.transmit.completed().wrapping_add(most));
        self.receive.interrupt_after(self.received) | sent
    }

    fn idle(&mut self) -> bool {
        self.outstanding() == 0
    }

    fn interrupts(&self) -> u64 {
        VECTORS.map(interrupts::count).iter().sum()
    }

    fn doorbells(&self) -> u64 {
        self.doorbells
    }
}
