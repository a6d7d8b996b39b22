//! Between files and guest memory, without a copy in between.
//!
//! The pieces of a [`Gather`] are handed to the kernel as they lie. It may see the guest change them
//! at the same time; it copies each byte once and takes what it finds, which harms no one but
//! the guest that did it.
#![allow(unsafe_code)]

use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

use crate::memory::{DmaMemory, Gather};

/// Vectors that one system call may take (Linux `UIO_MAXIOV`).
const IOV_MAX: usize = 1024;

/// Bytes `range` of `buffers`, in guest memory.
#[derive(Clone, Debug)]
pub struct Transfer<'m> {
    memory: &'m DmaMemory,
    buffers: &'m Gather,
    range: Range<usize>,
}

impl<'m> Transfer<'m> {
    /// A transfer of these bytes.
    pub fn new(memory: &'m DmaMemory, buffers: &'m Gather, range: Range<usize>) -> Self {
        Self { memory, buffers, range }
    }

    /// Fills them with what `file` has from `offset` on. That it ends before is an error.
    pub fn read_at(self, file: BorrowedFd<'_>, offset: u64) -> io::Result<()> {
        // SAFETY: `each` hands over vectors of guest memory, which is mapped while `memory` lives and
        // is nobody's but the guest's.
        self.each(offset, |vectors, count, offset| unsafe {
            libc::preadv64(file.as_raw_fd(), vectors, count, offset)
        })
    }

    /// Writes them to `file` from `offset` on.
    pub fn write_at(self, file: BorrowedFd<'_>, offset: u64) -> io::Result<()> {
        // SAFETY: as above; pwritev only reads it.
        self.each(offset, |vectors, count, offset| unsafe {
            libc::pwritev64(file.as_raw_fd(), vectors, count, offset)
        })
    }

    /// Whether each piece starts at a host address, and has a length, that `alignment` divides.
    pub fn is_aligned(&self, alignment: usize) -> bool {
        let mut pieces = self.buffers.range(self.range.clone());
        pieces.all(|piece| {
            self.memory.slice(piece.address, piece.length).is_ok_and(|slice| {
                let address = slice.ptr_guard().as_ptr().addr();
                address.is_multiple_of(alignment) && piece.length.is_multiple_of(alignment)
            })
        })
    }

    /// Has `call` move all bytes; it may move some of them at a time.
    fn each(
        mut self,
        mut offset: u64,
        call: impl Fn(*const libc::iovec, libc::c_int, i64) -> isize,
    ) -> io::Result<()> {
        let mut vectors = Vec::with_capacity(self.buffers.pieces_len().min(IOV_MAX));
        while !self.range.is_empty() {
            vectors.clear();
            for piece in self.buffers.range(self.range.clone()).take(IOV_MAX) {
                let slice =
                    self.memory.slice(piece.address, piece.length).map_err(io::Error::other)?;
                let base = slice.ptr_guard_mut().as_ptr().cast();
                vectors.push(libc::iovec { iov_base: base, iov_len: slice.len() });
            }
            let at = i64::try_from(offset).map_err(io::Error::other)?;
            match Errno::result(call(vectors.as_ptr(), vectors.len() as libc::c_int, at)) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.range.start += count as usize;
                    offset += count as u64;
                }
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "transfer_tests.rs"]
mod tests;
