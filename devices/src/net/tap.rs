//! A wire into the host's network stack: backends `tap:NAME` and `tap:fd=N`.
//!
//! The tap carries a virtio-net header before each frame, so super-frames and unfinished
//! checksums go out whole and nobody cuts them in user space. What comes the other way is up to
//! the NIC: [`Tap::open`] is told what it may be handed, and the host finishes the rest.
//! A tap takes and gives one frame per system call.
//!
//! A tap may have several queues, a descriptor each. The kernel steers: what belongs to a conversation
//! comes out of the queue that sent its last frame.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::errno::Errno;

use super::framing::MAX_FRAME;
use super::tap_ioctl::{self, FLAG_CHECKSUM, FLAG_TSO_ECN, FLAG_TSO4, FLAG_TSO6};
use super::vnet::{self, HEADER, Header};
use super::{Backend, Batch, Frame, Metadata, Offloads, Sent};
use crate::memory::DmaMemory;
use crate::vectors::{Room, Vectors};

/// Longest name of a network interface on Linux, without the NUL that ends it.
const MAX_NAME: usize = libc::IFNAMSIZ - 1;

/// Bytes of the header that a modern virtio-net puts before each frame.
const VHOST_HEADER: usize = 12;

/// Why there is no tap.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// No interface can have this name
    #[error("'{0}' cannot name a tap interface: names are 1 to {MAX_NAME} bytes without '/'")]
    Name(String),
    /// The TUN driver cannot be reached
    #[error(
        "cannot open /dev/net/tun: {0}; load the module `tun` and check the file's permissions"
    )]
    Driver(#[source] io::Error),
    /// The driver refused the interface
    #[error(
        "cannot use tap '{name}': {cause}; create it for this user with \
         `ip tuntap add dev {name} mode tap {queues}vnet_hdr user $USER`, or run with CAP_NET_ADMIN"
    )]
    Interface {
        /// Its name.
        name: String,
        /// What it has to be made with for several queues.
        queues: &'static str,
        /// What the driver said.
        cause: Errno,
    },
    /// An inherited descriptor is not that of a tap
    #[error("descriptor {fd} is not that of a tap: {cause}")]
    NoTap {
        /// Its number.
        fd: RawFd,
        /// What the driver said.
        cause: Errno,
    },
    /// An inherited tap was attached in another way than is of use
    #[error("descriptor {fd}, interface '{name}', has to be attached {how} by its TUNSETIFF")]
    Mode {
        /// Its number.
        fd: RawFd,
        /// The interface's name.
        name: String,
        /// How.
        how: &'static str,
    },
}

/// What an inherited tap has to be attached with, and without, and in words.
const MODES: [(libc::c_int, libc::c_int, &str); 3] = [
    (libc::IFF_TAP, libc::IFF_TUN, "as a tap (IFF_TAP)"),
    (libc::IFF_NO_PI, 0, "without packet information (IFF_NO_PI)"),
    (libc::IFF_VNET_HDR, 0, "with a virtio-net header (IFF_VNET_HDR)"),
];

/// A tap interface.
#[derive(Debug)]
pub struct Tap {
    device: File,
    name: String,
    /// It is one of several queues.
    several: bool,
    incoming: Box<[u8]>,
    /// The frame in `incoming`, if there is one: bytes with the header, and what it said.
    current: Option<(usize, Metadata)>,
    /// What the device would not take.
    rest: VecDeque<Vec<u8>>,
    /// The interface was deleted.
    lost: bool,
    room: Room,
}

impl Tap {
    /// Attaches to the tap `name` in the network namespace of the calling thread; creates it, for
    /// as long as this value lives, where there is none. `accepts` is what [`Backend::peek`] may
    /// hand out unfinished.
    pub fn open(name: &str, accepts: Offloads) -> Result<Self, TapError> {
        Self::open_queue(name, false, accepts)
    }

    /// The same with `count` queues.
    pub fn open_queues(name: &str, count: usize, accepts: Offloads) -> Result<Vec<Self>, TapError> {
        let first = Self::open_queue(name, count > 1, accepts)?;
        let name = first.name.clone();
        let more = (1..count).map(|_| Self::open_queue(&name, true, accepts));
        std::iter::once(Ok(first)).chain(more).collect()
    }

    /// Takes the tap behind descriptor `fd`, which whoever started the program has attached; one of
    /// `several` queues.
    pub fn inherit(fd: RawFd, several: bool, accepts: Offloads) -> Result<Self, TapError> {
        let no_tap = |cause| TapError::NoTap { fd, cause };
        let device = tap_ioctl::inherited(fd).map_err(no_tap)?;
        let (name, attached) = tap_ioctl::attached(&device).map_err(no_tap)?;
        let queues = (libc::IFF_MULTI_QUEUE, 0, "as one of several queues (IFF_MULTI_QUEUE)");
        let queues = Some(queues).filter(|_| several);
        for (with, without, how) in MODES.into_iter().chain(queues) {
            if attached & with != with || attached & without != 0 {
                return Err(TapError::Mode { fd, name, how });
            }
        }
        let prepared = tap_ioctl::set_header(&device, HEADER)
            .and_then(|()| tap_ioctl::set_offload(&device, flags(accepts)));
        prepared.map_err(no_tap)?;
        Ok(Self::on(device, name, several))
    }

    fn open_queue(name: &str, several: bool, accepts: Offloads) -> Result<Self, TapError> {
        if name.is_empty() || name.len() > MAX_NAME || name.contains(['/', '\0']) {
            return Err(TapError::Name(name.to_owned()));
        }
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open("/dev/net/tun")
            .map_err(TapError::Driver)?;
        let queues = if several { "multi_queue " } else { "" };
        let refused = |cause| TapError::Interface { name: name.to_owned(), queues, cause };
        let name = tap_ioctl::attach(&device, name, several).map_err(refused)?;
        tap_ioctl::set_offload(&device, flags(accepts)).map_err(refused)?;
        Ok(Self::on(device, name, several))
    }

    fn on(device: File, name: String, several: bool) -> Self {
        Self {
            device,
            name,
            several,
            incoming: vec![0; HEADER + MAX_FRAME].into_boxed_slice(),
            current: None,
            rest: VecDeque::new(),
            lost: false,
            room: Room::default(),
        }
    }

    /// The interface's name, as the kernel completed it (`tap%d` takes the next free number).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has a header of a modern virtio-net before each frame, as vhost wants it. This backend is not to
    /// move frames itself from then on.
    pub fn prepare_for_vhost(&self) -> io::Result<()> {
        Ok(tap_ioctl::set_header(&self.device, VHOST_HEADER)?)
    }

    /// The device, for vhost.
    pub fn device(&self) -> &File {
        &self.device
    }

    fn write(&mut self, memory: &DmaMemory, frame: Frame<'_>) -> Result<(), Errno> {
        let header = Header::from(frame.metadata()).bytes();
        let mut vectors = Vectors::new(&mut self.room);
        vectors.push_bytes(&header);
        vectors.push_bytes(frame.headers());
        for piece in frame.payload() {
            vectors.push_guest(memory, *piece).map_err(|_| Errno::EFAULT)?;
        }
        vectors.push_bytes(frame.padding());
        vectors.write_record(self.device.as_fd()).map(drop)
    }
}

fn flags(accepts: Offloads) -> libc::c_uint {
    let mut flags = 0;
    // Without checksum offload the driver takes no TSO either.
    if accepts.checksum {
        flags |= FLAG_CHECKSUM;
        flags |= if accepts.tso4 { FLAG_TSO4 | FLAG_TSO_ECN } else { 0 };
        flags |= if accepts.tso6 { FLAG_TSO6 | FLAG_TSO_ECN } else { 0 };
    }
    flags
}

/// Reads one record without waiting; an error means that the interface is gone.
fn read(mut device: &File, into: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match device.read(into).map_err(|error| (error.raw_os_error(), error)) {
            Ok(count) => return Ok(Some(count)),
            Err((Some(libc::EINTR), _)) => {}
            // EIO: the interface is down, but it may come up.
            Err((Some(libc::EAGAIN | libc::EIO), _)) => return Ok(None),
            Err((_, error)) => return Err(error),
        }
    }
}

fn write_bytes(device: BorrowedFd<'_>, record: &[u8]) -> Result<(), Errno> {
    nix::unistd::write(device, record).map(drop)
}

impl Backend for Tap {
    fn offloads(&self) -> Offloads {
        Offloads { checksum: true, tso4: true, tso6: true }
    }

    fn deliver(&mut self, offloads: Offloads) {
        if let Err(error) = tap_ioctl::set_offload(&self.device, flags(offloads)) {
            tracing::warn!("tap {} does not change what it delivers: {error}", self.name);
        }
    }

    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent {
        for frame in batch.frames() {
            let full = !self.rest.is_empty()
                || matches!(self.write(memory, frame), Err(Errno::EAGAIN | Errno::EINTR));
            if full {
                let mut record = Header::from(frame.metadata()).bytes().to_vec();
                if frame.copy_to(memory, &mut record).is_ok() {
                    self.rest.push_back(record);
                }
            }
        }
        if self.rest.is_empty() { Sent::All } else { Sent::Blocked }
    }

    fn resume(&mut self) -> Sent {
        while let Some(record) = self.rest.front() {
            if let Err(Errno::EAGAIN) = write_bytes(self.device.as_fd(), record) {
                return Sent::Blocked;
            }
            self.rest.pop_front();
        }
        Sent::All
    }

    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        while self.current.is_none() {
            let count = match read(&self.device, &mut self.incoming) {
                Ok(count) => count?,
                Err(error) => {
                    if !std::mem::replace(&mut self.lost, true) {
                        tracing::warn!("lost the tap interface {}: {error}", self.name);
                    }
                    return None;
                }
            };
            let record = self.incoming.get(..count).unwrap_or_default();
            self.current = vnet::parse(record).map(|metadata| (count, metadata));
        }
        self.current.map(|(count, metadata)| (&self.incoming[HEADER..count], metadata))
    }

    fn consume(&mut self) {
        self.current = None;
    }

    fn activate(&mut self, on: bool) {
        let changed = if self.several { tap_ioctl::set_queue(&self.device, on) } else { Ok(()) };
        if let Err(error) = changed {
            let what = if on { "attached" } else { "detached" };
            tracing::warn!("a queue of tap {} cannot be {what}: {error}", self.name);
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        (!self.lost).then(|| self.device.as_fd())
    }

    fn link(&self) -> bool {
        !self.lost
    }
}

#[cfg(test)]
#[path = "tap_tests.rs"]
mod tests;
