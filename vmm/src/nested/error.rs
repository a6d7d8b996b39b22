//! What can go wrong with the nested machine. Where there is a source, it says why.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use guest_init::client;

use crate::{guest, qemu};

/// A failed nested run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No QEMU.
    #[error("the nested machine needs QEMU, which is not installed: `{}`", qemu::REMEDY)]
    NoQemu,
    /// QEMU did not start.
    #[error("QEMU cannot be started: {0}")]
    Start(io::Error),
    /// QEMU ended too early.
    #[error("the nested machine's QEMU ended ({status}){said}")]
    Ended {
        /// How.
        status: String,
        /// Its last words, and the console's.
        said: String,
        /// Whether the machine had come up before.
        came_up: bool,
    },
    /// The outer machine did not come up.
    #[error("the nested machine did not boot within {after:.0?}{console}")]
    Boot {
        /// How long it had.
        after: Duration,
        /// Last lines of its console.
        console: String,
    },
    /// The outer machine stopped to answer.
    #[error(
        "the nested machine hangs: it has not answered for {silent:.0?}, which QEMU's emulation \
         does now and then on a busy host"
    )]
    Hangs {
        /// How long.
        silent: Duration,
    },
    /// The host's files could not be mounted.
    #[error("the nested machine cannot mount the host's files: {0}")]
    Mount(String),
    /// The outer machine's network could not be set up.
    #[error("the nested machine cannot set up its network: {0}")]
    Network(String),
    /// Something must be UTF-8 to travel.
    #[error("{0:?} is not UTF-8, the nested machine cannot take it")]
    NotText(std::ffi::OsString),
    /// A directory that was to be writable is none.
    #[error("the nested machine cannot write to {path}", path = path.display())]
    NoDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No command.
    #[error("nothing to run in the nested machine")]
    NoCommand,
    /// A system call failed.
    #[error("cannot {0}: {1}")]
    System(&'static str, io::Error),
    /// No guest image.
    #[error(transparent)]
    Guest(#[from] guest::Error),
    /// The control channel failed.
    #[error("the nested machine does not answer as it should")]
    Channel(#[from] client::Error),
}

impl Error {
    /// Whether a machine failed that had come up, and the next one may not.
    pub fn is_of_the_emulation(&self) -> bool {
        matches!(self, Self::Hangs { .. } | Self::Ended { came_up: true, .. })
    }
}

/// Result of a nested run.
pub type Result<T> = std::result::Result<T, Error>;
