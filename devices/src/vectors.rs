//! One system call for many stretches of memory, host's and guest's alike.
//!
//! The only unsafe code of the backends' data path. [`Vectors`] borrows everything it points at,
//! so the kernel reads live memory. Guest memory may change under it; the kernel copies once and
//! takes what it finds, which harms no one but the guest that did it.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

use crate::memory::{DmaError, DmaMemory, Piece};

/// Vectors that one system call may take (Linux `UIO_MAXIOV`).
const IOV_MAX: usize = 1024;

/// Room for vectors, kept from one call to the next so that none has to allocate it again.
#[derive(Debug, Default)]
pub(super) struct Room(Vec<libc::iovec>);

// SAFETY: no pointer in it is followed but through the `Vectors` that borrows it, which empties it
// before it puts its own in.
unsafe impl Send for Room {}

/// Stretches of memory, in order.
pub(super) struct Vectors<'m> {
    vectors: &'m mut Vec<libc::iovec>,
    memory: PhantomData<&'m [u8]>,
}

impl<'m> Vectors<'m> {
    /// None yet.
    pub(super) fn new(room: &'m mut Room) -> Self {
        room.0.clear();
        Self { vectors: &mut room.0, memory: PhantomData }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Goes back to the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        self.vectors.truncate(count);
    }

    /// Appends host memory.
    pub(super) fn push_bytes(&mut self, bytes: &'m [u8]) {
        let base = bytes.as_ptr().cast_mut().cast();
        self.vectors.push(libc::iovec { iov_base: base, iov_len: bytes.len() });
    }

    /// Appends guest memory.
    pub(super) fn push_guest(
        &mut self,
        memory: &'m DmaMemory,
        piece: Piece,
    ) -> Result<(), DmaError> {
        let slice = memory.slice(piece.address, piece.length)?;
        let base = slice.ptr_guard().as_ptr().cast_mut().cast();
        self.vectors.push(libc::iovec { iov_base: base, iov_len: slice.len() });
        Ok(())
    }

    /// Sends everything to a stream socket. Answers the bytes it took before it would have had to
    /// wait.
    pub(super) fn send(&mut self, socket: BorrowedFd<'_>) -> Result<usize, Errno> {
        let (mut first, mut total) = (0, 0);
        while first < self.vectors.len() {
            let count = IOV_MAX.min(self.vectors.len() - first);
            let part = &mut self.vectors[first..first + count];
            // SAFETY: an all-zero msghdr is a valid empty one.
            let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
            message.msg_iov = part.as_mut_ptr();
            message.msg_iovlen = count;
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            // SAFETY: `part` points at memory borrowed for 'm, which sendmsg only reads.
            let result = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) };
            match Errno::result(result) {
                Ok(count) => {
                    total += count as usize;
                    first += advance(part, count as usize);
                }
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    /// Writes everything to a character device as one record.
    pub(super) fn write_record(&self, device: BorrowedFd<'_>) -> Result<usize, Errno> {
        let count = self.vectors.len().min(IOV_MAX) as libc::c_int;
        // SAFETY: the vectors point at memory borrowed for 'm, which writev only reads.
        let result = unsafe { libc::writev(device.as_raw_fd(), self.vectors.as_ptr(), count) };
        Errno::result(result).map(|count| count as usize)
    }
}

/// Takes `count` bytes off the front of `vectors`; answers how many of them are done.
fn advance(vectors: &mut [libc::iovec], mut count: usize) -> usize {
    for (index, vector) in vectors.iter_mut().enumerate() {
        if count < vector.iov_len {
            vector.iov_base = vector.iov_base.cast::<u8>().wrapping_add(count).cast();
            vector.iov_len -= count;
            return index;
        }
        count -= vector.iov_len;
    }
    vectors.len()
}
