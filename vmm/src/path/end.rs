//! What a port is connected to: its socket, the peer that came, and the record of both ways.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use devices::net::capture::{CaptureFile, Direction};
use devices::net::framing::{FrameReader, FrameWriter};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::listener::Listener;
use super::remark::Remark;
use super::{PathConfig, Side};

/// The outside of a port.
#[derive(Debug)]
pub(super) struct End {
    pub(super) listener: Listener,
    pub(super) peer: Option<OwnedFd>,
    pub(super) reader: FrameReader,
    pub(super) writer: FrameWriter,
    pub(super) blocked: bool,
    /// Frames may be in the reader though the socket has nothing.
    pub(super) unread: bool,
    pub(super) capture: Option<CaptureFile>,
}

impl End {
    /// Listens, and opens the capture.
    pub(super) fn new(
        config: &PathConfig,
        side: Side,
        capture: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let capture = capture.map(|path| CaptureFile::create(&path, &format!("port {side}")));
        Ok(Self {
            listener: Listener::bind(&config.ports[side.index()].socket)?,
            peer: None,
            reader: FrameReader::default(),
            writer: FrameWriter::default(),
            blocked: false,
            unread: false,
            capture: capture.transpose()?,
        })
    }

    /// The descriptor to wait on: an end without a peer waits for its listener a second time.
    pub(super) fn watched(&self) -> BorrowedFd<'_> {
        self.peer.as_ref().map_or(self.listener.as_fd(), AsFd::as_fd)
    }

    /// What to wait for there.
    pub(super) fn interest(&self) -> PollFlags {
        let room = if self.blocked { PollFlags::POLLOUT } else { PollFlags::empty() };
        PollFlags::POLLIN | room
    }

    /// Whether the peer closed its end, whatever is still to be read.
    pub(super) fn hung_up(&self) -> bool {
        let Some(peer) = &self.peer else { return false };
        let mut descriptors = [PollFd::new(peer.as_fd(), PollFlags::empty())];
        let state = ppoll(&mut descriptors, Some(TimeSpec::from(Duration::ZERO)), None);
        state.is_ok_and(|ready| ready > 0)
    }

    /// Forgets the peer.
    pub(super) fn unplug(&mut self) {
        self.peer = None;
        self.reader.reset();
        self.writer.reset();
        (self.blocked, self.unread) = (false, false);
    }
}

/// Records a frame that arrived, and what was done to it.
pub(super) fn record_arrival(capture: &mut CaptureFile, frame: &[u8], remark: Option<Remark>) {
    match remark {
        Some(remark) => {
            capture.record_commented(Direction::Inbound, frame, Some(&remark.to_string()));
        }
        None => capture.record(Direction::Inbound, frame),
    }
}
