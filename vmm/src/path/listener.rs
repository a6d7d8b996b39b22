//! The socket of a port: where its NIC connects.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::sys::socket::{setsockopt, sockopt};

use crate::listen::listen;

/// Send buffer asked for; the kernel gives what `net.core.wmem_max` allows.
const SEND_BUFFER: usize = 4 * 1024 * 1024;

/// A socket that listens, gone from the file system when dropped.
#[derive(Debug)]
pub(super) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Where the socket is while nobody is to find it.
    aside: Option<PathBuf>,
}

impl Listener {
    /// Listens at `path`. A socket that no one listens on any more is replaced.
    pub(super) fn bind(path: &Path) -> anyhow::Result<Self> {
        let socket = listen(path)?;
        Ok(Self { socket, path: path.to_owned(), aside: None })
    }

    /// Lets peers find the socket, or puts it aside, so that they find nobody.
    pub(super) fn set_open(&mut self, open: bool) -> io::Result<()> {
        match (&self.aside, open) {
            (Some(aside), true) => {
                std::fs::rename(aside, &self.path)?;
                self.aside = None;
            }
            (None, false) => {
                let mut aside = self.path.clone().into_os_string();
                aside.push(".unplugged");
                std::fs::rename(&self.path, &aside)?;
                self.aside = Some(aside.into());
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether peers find the socket.
    pub(super) fn is_open(&self) -> bool {
        self.aside.is_none()
    }

    /// A peer that connected, if one did.
    pub(super) fn accept(&self) -> Option<OwnedFd> {
        loop {
            match self.socket.accept() {
                Ok((peer, _)) => {
                    // A smaller buffer works as well, in more system calls.
                    let _ = setsockopt(&peer, sockopt::SndBuf, &SEND_BUFFER);
                    return Some(peer.into());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.aside.as_ref().unwrap_or(&self.path));
    }
}
