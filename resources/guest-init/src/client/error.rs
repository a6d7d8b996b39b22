//! What can go wrong between a host and its guest. Where there is a source, it says why.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A failed exchange with a guest.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The control socket could not be reached.
    #[error("cannot connect to the guest's control socket {path}", path = path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The guest took too long.
    #[error("{what} did not finish within {after:.0?}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
    },
    /// The guest, or its VMM, is gone.
    #[error("the guest's control channel closed: its VMM ended or dropped the connection")]
    Closed,
    /// Bytes were lost or changed on the way.
    #[error("the guest's control channel lost data: a UART overrun, or a second client on it")]
    Corrupt,
    /// The guest speaks another version.
    #[error(
        "the guest's PID 1 speaks control protocol {guest}, this program {ours}: build the guest \
         image anew with `nicvmm guest build`"
    )]
    Version {
        /// The guest's version.
        guest: u32,
        /// Ours.
        ours: u32,
    },
    /// The guest could not do it.
    #[error("{what}: {reason}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The guest's words.
        reason: String,
    },
    /// The request does not fit one frame.
    #[error(
        "the request is {0} bytes long, the control channel takes 16384: shorten its arguments"
    )]
    TooLong(usize),
    /// The connection failed.
    #[error("the guest's control channel failed")]
    Io(#[from] io::Error),
}

/// Result of an exchange with a guest.
pub type Result<T> = std::result::Result<T, Error>;
