//! A split virtqueue (virtio 1.2, section 2.7). Without event index the last four functions mean
//! nothing to the device.

use core::sync::atomic::{Ordering, fence};

use crate::{io, memory};

/// Descriptor flag: the chain goes on.
const NEXT: u16 = 1;
/// Descriptor flag: the device writes the buffer.
const WRITE: u16 = 2;

/// A queue.
pub struct Virtqueue {
    size: u16,
    /// Where its descriptors lie.
    pub descriptors: u64,
    /// Where the driver's ring lies.
    pub available: u64,
    /// Where the device's ring lies.
    pub used: u64,
    next: u16,
    added: u16,
}

impl Virtqueue {
    /// A queue of `size` descriptors, a power of two.
    pub fn new(size: u16) -> Self {
        let [descriptors, available, used] =
            [16, 2, 8].map(|bytes| memory::allocate(8 + bytes * usize::from(size)));
        Self { size, descriptors, available, used, next: 0, added: 0 }
    }

    /// Adds a chain of buffers that the device reads. No more than `size` descriptors may be in
    /// the device's hands.
    pub fn add(&mut self, buffers: impl Iterator<Item = (u64, usize)>) {
        let head = self.next;
        let mut buffers = buffers.peekable();
        while let Some((address, length)) = buffers.next() {
            let descriptor = self.descriptors + 16 * u64::from(self.next);
            self.next = (self.next + 1) % self.size;
            io::write(descriptor, address);
            io::write(descriptor + 8, length as u32);
            io::write(descriptor + 12, if buffers.peek().is_some() { NEXT } else { 0 });
            io::write(descriptor + 14, self.next);
        }
        self.publish(head);
    }

    /// Adds a buffer that the device writes, by the descriptor of this index.
    pub fn add_writable(&mut self, index: u16, address: u64, length: usize) {
        let descriptor = self.descriptors + 16 * u64::from(index);
        io::write(descriptor, address);
        io::write(descriptor + 8, length as u32);
        io::write(descriptor + 12, WRITE);
        self.publish(index);
    }

    fn publish(&mut self, head: u16) {
        io::write(self.available + 4 + 2 * u64::from(self.added % self.size), head);
        self.added = self.added.wrapping_add(1);
        io::write(self.available + 2, self.added);
    }

    /// Chains that were added, in all.
    pub fn added(&self) -> u16 {
        self.added
    }

    /// The first descriptor of the chain that came back as number `index`, and the bytes written.
    pub fn returned(&self, index: u16) -> (u16, u32) {
        let element = self.used + 4 + 8 * u64::from(index % self.size);
        (io::read::<u32>(element) as u16, io::read(element + 4))
    }

    /// Whether the device wants to hear of what was added since `before` chains were.
    pub fn wants_kick(&self, before: u16) -> bool {
        fence(Ordering::SeqCst);
        let event: u16 = io::read(self.used + 4 + 8 * u64::from(self.size));
        let news = self.added.wrapping_sub(before);
        self.added.wrapping_sub(event).wrapping_sub(1) < news
    }

    /// Asks for an interrupt when the chain after the first `count` comes back. Answers whether it
    /// did already.
    pub fn interrupt_after(&self, count: u16) -> bool {
        io::write(self.available + 4 + 2 * u64::from(self.size), count);
        fence(Ordering::SeqCst);
        let ahead = self.completed().wrapping_sub(count);
        ahead != 0 && ahead <= self.size
    }

    /// Chains that the device gave back, in all.
    pub fn completed(&self) -> u16 {
        io::read(self.used + 2)
    }
}
