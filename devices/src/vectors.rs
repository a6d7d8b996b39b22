//! One system call for many stretches of memory, host's and guest's alike: the way of bytes to a wire,
//! and between guest memory and a file, without a copy in between.
//!
//! Unsafe, as the sums of [`ethernet`](crate::ethernet) are, and nothing else on the way of a frame. [`Vectors`] borrows everything it points at, so the
//! kernel sees live memory. Guest memory may change under it; the kernel copies each byte once and
//! takes what it finds, which harms no one but the guest that did it.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

use crate::memory::{DmaError, DmaMemory, Gather, Piece};

/// Vectors that one system call may take (Linux `UIO_MAXIOV`).
const IOV_MAX: usize = 1024;

/// Room for vectors, kept from one call to the next so that none has to allocate it again.
#[derive(Debug, Default)]
pub struct Room(Vec<libc::iovec>);

// SAFETY: no pointer in it is followed but through the `Vectors` that borrows it, which empties it
// before it puts its own in.
unsafe impl Send for Room {}

/// Stretches of memory, in order.
pub struct Vectors<'m> {
    list: &'m mut Vec<libc::iovec>,
    /// Some of them are the host's, which is lent to be read alone.
    read_only: bool,
    memory: PhantomData<&'m [u8]>,
}

impl<'m> Vectors<'m> {
    /// None yet.
    pub fn new(room: &'m mut Room) -> Self {
        room.0.clear();
        Self { list: &mut room.0, read_only: false, memory: PhantomData }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Goes back to the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.list.truncate(count);
    }

    /// Appends host memory, to be written out.
    pub fn push_bytes(&mut self, bytes: &'m [u8]) {
        if bytes.is_empty() {
            return;
        }
        self.read_only = true;
        let base = bytes.as_ptr().cast_mut().cast();
        self.list.push(libc::iovec { iov_base: base, iov_len: bytes.len() });
    }

    /// Appends guest memory.
    pub fn push_guest(&mut self, memory: &'m DmaMemory, piece: Piece) -> Result<(), DmaError> {
        let slice = memory.slice(piece.address, piece.length)?;
        let base = slice.ptr_guard().as_ptr().cast_mut().cast();
        self.list.push(libc::iovec { iov_base: base, iov_len: slice.len() });
        Ok(())
    }

    /// Appends bytes `range` of `buffers`, in guest memory.
    pub fn push_range(
        &mut self,
        memory: &'m DmaMemory,
        buffers: &Gather,
        range: Range<usize>,
    ) -> Result<(), DmaError> {
        buffers.range(range).try_for_each(|piece| self.push_guest(memory, piece))
    }

    /// Whether each starts at an address, and has a length, that `alignment` divides.
    pub fn are_aligned(&self, alignment: usize) -> bool {
        self.list.iter().all(|vector| {
            vector.iov_base.addr().is_multiple_of(alignment)
                && vector.iov_len.is_multiple_of(alignment)
        })
    }

    /// Fills everything, which must be guest memory, with what `file` has from `offset` on, and
    /// empties it. That the file ends before is an error.
    pub fn read_at(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<()> {
        if self.read_only {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the vectors point at guest memory alone, borrowed for 'm, and others write it, too.
        self.each(offset, |vectors, count, offset| unsafe {
            libc::preadv64(file.as_raw_fd(), vectors, count, offset)
        })
    }

    /// Fills everything, which must be guest memory, with what `file` has from `offset` on, if that
    /// is at hand. Answers whether it was; nothing is said of what memory holds if it was not.
    pub fn read_at_once(&self, file: BorrowedFd<'_>, offset: u64) -> io::Result<bool> {
        if self.read_only || self.list.len() > IOV_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let at = i64::try_from(offset).map_err(io::Error::other)?;
        let (vectors, count) = (self.list.as_ptr(), self.list.len() as libc::c_int);
        // SAFETY: as for `read_at`.
        let result =
            unsafe { libc::preadv2(file.as_raw_fd(), vectors, count, at, libc::RWF_NOWAIT) };
        match Errno::result(result) {
            Ok(count) => {
                Ok(count as usize == self.list.iter().map(|vector| vector.iov_len).sum::<usize>())
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes everything to `file` from `offset` on, and empties it.
    pub fn write_at(&mut self, file: BorrowedFd<'_>, offset: u64) -> io::Result<()> {
        // SAFETY: the vectors point at memory borrowed for 'm, which pwritev only reads.
        self.each(offset, |vectors, count, offset| unsafe {
            libc::pwritev64(file.as_raw_fd(), vectors, count, offset)
        })
    }

    /// Has `call` move all bytes; it may move some of them at a time.
    fn each(
        &mut self,
        mut offset: u64,
        call: impl Fn(*const libc::iovec, libc::c_int, i64) -> isize,
    ) -> io::Result<()> {
        let mut rest = &mut self.list[..];
        while !rest.is_empty() {
            let count = rest.len().min(IOV_MAX) as libc::c_int;
            let at = i64::try_from(offset).map_err(io::Error::other)?;
            match Errno::result(call(rest.as_ptr(), count, at)) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    offset += count as u64;
                    let done = advance(rest, count as usize);
                    rest = &mut rest[done..];
                }
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.list.clear();
        Ok(())
    }

    /// Sends everything to a stream socket. Answers the bytes it took before it would have had to
    /// wait.
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> Result<usize, Errno> {
        let (mut first, mut total) = (0, 0);
        while first < self.list.len() {
            let count = IOV_MAX.min(self.list.len() - first);
            let part = &mut self.list[first..first + count];
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
    pub fn write_record(&self, device: BorrowedFd<'_>) -> Result<usize, Errno> {
        let count = self.list.len().min(IOV_MAX) as libc::c_int;
        // SAFETY: the vectors point at memory borrowed for 'm, which writev only reads.
        let result = unsafe { libc::writev(device.as_raw_fd(), self.list.as_ptr(), count) };
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

#[cfg(test)]
#[path = "vectors_tests.rs"]
mod tests;
