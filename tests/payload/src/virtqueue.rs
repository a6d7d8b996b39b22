//! A split virtqueue (virtio 1.2, section 2.7), as a driver without event index keeps it.

use crate::{io, memory};

/// Descriptor flag: the chain goes on.
const NEXT: u16 = 1;

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
        io::write(self.available + 4 + 2 * u64::from(self.added % self.size), head);
        self.added = self.added.wrapping_add(1);
        io::write(self.available + 2, self.added);
    }

    /// Chains that the device gave back, in all.
    pub fn completed(&self) -> u16 {
        io::read(self.used + 2)
    }
}
