//! A disk of the machine: an image file or a block device of the host.
//!
//! The file is read and written with guest memory itself as the buffer. What the page cache has is
//! read at once, where the guest asks; everything else is done by a few threads ([`super::pool`]), which
//! need nothing of the kernel that a container may forbid (io_uring). An image that is used is
//! locked (flock), so that two guests cannot spoil it; for reading alone any number may use it.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use devices::vectors::{Room, Vectors};
use devices::virtio::block::{self, Block, Operation, Outcome, Request, SECTOR, Span};
use devices::virtio::{Executor, Job};
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, Flock, FlockArg, fallocate};

use super::Machine;
use super::error::{Error, Result};
use super::pool::Pool;
use crate::sandbox::Thread;

/// Threads of one disk: how many of its requests the host's kernel sees at a time.
const THREADS: usize = 4;
/// Bytes of the longest request that is done at once: a copy of some ten microseconds.
const AT_ONCE: usize = 64 * 1024;
/// What addresses, offsets and lengths of direct I/O are aligned to: enough for every disk.
const ALIGNMENT: usize = 4096;
/// Bytes of zero written at a time, where the file system cannot make them itself.
const ZEROES: usize = 64 * 1024;
/// How a qcow2 image starts: the content of a disk never does unless somebody put an image there.
const QCOW2: &[u8] = b"QFI\xfb";

/// Which disk, and how to use it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The image, or the block device.
    pub path: PathBuf,
    /// Whether the guest may only read it.
    pub read_only: bool,
    /// Whether to go around the page cache.
    pub direct: bool,
    /// Its serial number.
    pub serial: String,
}

/// An open disk.
struct Image {
    file: Flock<File>,
    /// The file system can say what the page cache has.
    tells_cached: AtomicBool,
    /// The same file, for what is aligned, around the page cache.
    direct: Option<File>,
}

/// Who carries out the requests of one disk.
struct Requests {
    image: Arc<Image>,
    pool: Pool<Request>,
}

impl Executor<Request> for Requests {
    fn do_at_once(&mut self, request: &mut Request) -> bool {
        self.image.read_cached(request)
    }

    fn submit(&mut self, job: Job<Request>) {
        self.pool.submit(job);
    }

    fn finished(&mut self) -> Option<Job<Request>> {
        self.pool.finished()
    }

    fn cancel(&mut self, queue: Option<u16>) {
        self.pool.cancel(queue);
    }
}

/// An error about the disk at `path`.
fn refuse(path: &Path, why: impl Into<String>) -> Error {
    Error::Disk { path: path.into(), why: why.into() }
}

impl Machine {
    /// Adds a disk in the next free slot.
    pub fn add_disk(&mut self, config: &Config) -> Result<()> {
        let (image, sectors) = Image::open(config)?;
        let queues = (self.cpus() as u16).min(block::MAX_QUEUES);
        let discard = !config.read_only;
        let serial = config.serial.clone();
        let device =
            block::Config { sectors, read_only: config.read_only, discard, serial, queues };
        let image = Arc::new(image);
        let work = image.clone();
        let pool = Pool::new(self.endings(), move |request| work.carry_out(request))?;
        let (peer, threads) = (pool.peer()?, pool.threads(Thread::Disk, THREADS));
        self.at_start(move |sandbox| threads.start(sandbox));
        let requests = Box::new(Requests { image, pool });
        let messages = self.messages(block::vectors(queues))?;
        let function = Block::function(device, requests, self.dma_memory(), messages)
            .map_err(|error| refuse(&config.path, error.to_string()))?;
        self.add_device(Box::new(function), vec![peer])
    }
}

impl Image {
    /// Opens and locks it; answers its size in sectors, too.
    fn open(config: &Config) -> Result<(Self, u64)> {
        let path = &config.path;
        let refused = |error: io::Error| refuse(path, error.to_string());
        let options = |flags: i32| {
            let mut options = OpenOptions::new();
            options.read(true).write(!config.read_only).custom_flags(flags);
            options
        };
        // Not to wait for a pipe's other end.
        let mut file = options(libc::O_NONBLOCK).open(path).map_err(refused)?;
        let kind = file.metadata().map_err(refused)?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return Err(refuse(path, "it is neither a file nor a block device"));
        }
        let size = file.seek(SeekFrom::End(0)).map_err(|error| refuse(path, error.to_string()))?;
        if size < SECTOR {
            let remedy = "its size is 0 sectors: `truncate -s 1G FILE` makes a disk of 1 GiB";
            return Err(refuse(path, remedy));
        }
        if starts_with(&file, QCOW2).map_err(refused)? {
            let remedy = "it is a qcow2 image, and raw ones are understood: convert it by \
                          `qemu-img convert -O raw FILE NEW`";
            return Err(refuse(path, remedy));
        }
        let direct = if config.direct {
            let hint = |error| format!("{error}; its file system may not do direct=on");
            let file = options(libc::O_DIRECT).open(path);
            Some(file.map_err(|error| refuse(path, hint(error)))?)
        } else {
            None
        };
        let (lock, other) = if config.read_only {
            (FlockArg::LockSharedNonblock, "somebody writes to it")
        } else {
            (FlockArg::LockExclusiveNonblock, "it is in use, perhaps by another guest")
        };
        let file = Flock::lock(file, lock).map_err(|(_, errno)| match errno {
            Errno::EWOULDBLOCK => {
                refuse(path, format!("{other}: give each guest its own copy, or `,ro` to all"))
            }
            errno => refuse(path, format!("it cannot be locked: {errno}")),
        })?;
        // With direct=on the page cache is to be left alone.
        let tells_cached = AtomicBool::new(direct.is_none());
        Ok((Self { file, tells_cached, direct }, size / SECTOR))
    }

    /// Carries out a read of what the page cache has. Answers whether it did.
    fn read_cached(&self, request: &mut Request) -> bool {
        let Operation::Read(offset) = request.operation else { return false };
        if request.data.len() > AT_ONCE || !self.tells_cached.load(Ordering::Relaxed) {
            return false;
        }
        let mut room = Room::default();
        let mut vectors = Vectors::new(&mut room);
        let data = request.data.clone();
        if vectors.push_range(&request.memory, &request.buffers, data).is_err() {
            return false;
        }
        match vectors.read_at_once(self.file.as_fd(), offset) {
            Ok(true) => request.outcome = Outcome::Done,
            Ok(false) => return false,
            Err(error) => {
                // Whatever else is wrong the threads will find, too.
                if error.raw_os_error() == Some(libc::EOPNOTSUPP) {
                    self.tells_cached.store(false, Ordering::Relaxed);
                }
                return false;
            }
        }
        true
    }

    fn carry_out(&self, request: &mut Request) {
        request.outcome = match self.try_carry_out(request) {
            Ok(()) => Outcome::Done,
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Outcome::Unsupported,
            Err(error) => {
                tracing::warn!(operation = ?request.operation, %error, "a disk request failed");
                Outcome::Failed
            }
        };
    }

    fn try_carry_out(&self, request: &Request) -> io::Result<()> {
        let mut room = Room::default();
        let mut vectors = Vectors::new(&mut room);
        vectors
            .push_range(&request.memory, &request.buffers, request.data.clone())
            .map_err(io::Error::other)?;
        match &request.operation {
            Operation::Read(offset) => {
                vectors.read_at(self.file_for(&vectors, *offset).as_fd(), *offset)
            }
            Operation::Write(offset) => {
                vectors.write_at(self.file_for(&vectors, *offset).as_fd(), *offset)?;
                self.written(request)
            }
            Operation::Flush => self.file.sync_data(),
            Operation::Discard(spans) => spans.iter().try_for_each(|span| self.punch(span)),
            Operation::WriteZeroes(spans) => {
                spans.iter().try_for_each(|span| self.zero(span))?;
                self.written(request)
            }
        }
    }

    fn written(&self, request: &Request) -> io::Result<()> {
        if request.through { self.file.sync_data() } else { Ok(()) }
    }

    /// The descriptor that takes this transfer.
    fn file_for(&self, vectors: &Vectors<'_>, offset: u64) -> &File {
        match &self.direct {
            Some(direct)
                if offset.is_multiple_of(ALIGNMENT as u64) && vectors.are_aligned(ALIGNMENT) =>
            {
                direct
            }
            _ => &self.file,
        }
    }

    fn allocate(&self, flags: FallocateFlags, span: &Span) -> io::Result<()> {
        let flags = flags | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let (offset, length) = (span.offset as i64, span.length as i64);
        if length == 0 {
            return Ok(());
        }
        loop {
            match fallocate(self.file.as_fd(), flags, offset, length) {
                Err(Errno::EINTR) => {}
                result => return result.map_err(io::Error::from),
            }
        }
    }

    fn punch(&self, span: &Span) -> io::Result<()> {
        self.allocate(FallocateFlags::FALLOC_FL_PUNCH_HOLE, span)
    }

    fn zero(&self, span: &Span) -> io::Result<()> {
        let first = if span.unmap {
            FallocateFlags::FALLOC_FL_PUNCH_HOLE
        } else {
            FallocateFlags::FALLOC_FL_ZERO_RANGE
        };
        match self.allocate(first, span) {
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => self.fill(span),
            result => result,
        }
    }

    /// Writes zeroes by hand.
    fn fill(&self, span: &Span) -> io::Result<()> {
        let zeroes = vec![0; ZEROES];
        let end = span.offset + span.length;
        for offset in (span.offset..end).step_by(ZEROES) {
            let count = (end - offset).min(ZEROES as u64) as usize;
            self.file.write_all_at(&zeroes[..count], offset)?;
        }
        Ok(())
    }
}

fn starts_with(file: &File, magic: &[u8]) -> io::Result<bool> {
    let mut start = vec![0; magic.len()];
    file.read_exact_at(&mut start, 0)?;
    Ok(start == magic)
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
