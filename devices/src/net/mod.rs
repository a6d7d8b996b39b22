//! Where frames go when they leave a NIC, and where they come from.
//!
//! 1. A NIC gathers frames into a [`Batch`]: headers in the batch's own arena, payload as
//!    pieces of guest memory that stay where they lie.
//! 2. It hands the batch to a [`Backend`], which takes all of it in one system call where it can.
//! 3. A backend that could not write everything keeps a copy of the rest and answers
//!    [`Sent::Blocked`]: the NIC takes no more from the guest until [`Backend::resume`] says
//!    [`Sent::All`], so the guest's own queue fills up, as behind a slow wire.
//! 4. Incoming frames are peeked one at a time; a NIC without room leaves the frame where it is.
//! 5. A backend may lose its peer: the link goes down, and up again when the peer is back.

mod batch;
pub mod capture;
pub mod framing;
mod nic;
mod null;
mod shared;
mod stream;
mod tap;
mod tap_ioctl;
mod vnet;

pub use batch::{Batch, Frame, Gso, GsoKind, Metadata};
pub use capture::Capture;
pub use nic::{Nic, QueuePair, Receipt, Run, Transmit};
pub use null::{Loop, Null};
pub use shared::Share;
pub use stream::{MAX_SOCKET_PATH, Stream, StreamError, check_socket_path};
pub use tap::{Tap, TapError};

use std::os::fd::BorrowedFd;

use crate::memory::DmaMemory;

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Sent {
    /// The backend has it all and takes more.
    All,
    /// The backend has it all but takes no more until [`Backend::resume`] says so.
    Blocked,
}

/// What a backend takes unfinished: work that a NIC may leave to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// Frames whose transport checksum is still to be filled in.
    pub checksum: bool,
    /// TCP super-frames over IPv4.
    pub tso4: bool,
    /// TCP super-frames over IPv6.
    pub tso6: bool,
}

/// One end of a wire.
pub trait Backend: Send {
    /// What it takes unfinished. Fixed for the life of the backend.
    fn offloads(&self) -> Offloads {
        Offloads::default()
    }

    /// What it may hand over unfinished from now on, which is never more than it was opened for.
    fn deliver(&mut self, _offloads: Offloads) {}

    /// Takes every frame of `batch`. Not called while blocked.
    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent;

    /// Goes on writing what was left over; to be called when the descriptor is writable.
    fn resume(&mut self) -> Sent {
        Sent::All
    }

    /// The oldest incoming frame, without taking it; reads from the peer when none is at hand.
    /// Frames come without FCS and are at least 14 bytes.
    fn peek(&mut self) -> Option<(&[u8], Metadata)>;

    /// Takes the frame that [`Backend::peek`] showed.
    fn consume(&mut self);

    /// The descriptor to wait on, if there is one now. It may change after a peer was lost.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// The number of the descriptor's connection: where it is another one, so is the descriptor, even
    /// under the same number.
    fn connection(&self) -> u64 {
        0
    }

    /// Whether the descriptor tells of incoming frames, and is worth watching for them now.
    fn reads(&self) -> bool {
        true
    }

    /// What tells of incoming frames beside the descriptor, by an edge: nobody reads it.
    fn inbox(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// For one of several backends on the same wire: whether frames may come to it.
    fn activate(&mut self, _on: bool) {}

    /// Whether the wire reaches its peer. Checked after every call that did input or output.
    fn link(&self) -> bool {
        true
    }

    /// Tries to reach a lost peer again; called about ten times a second while the link is down.
    /// Answers whether the link is up now.
    fn reconnect(&mut self) -> bool {
        self.link()
    }
}
