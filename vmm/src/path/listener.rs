//! The socket of a port: where its NIC connects.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use devices::net::check_socket_path;
use nix::sys::socket::{setsockopt, sockopt};

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
        check_socket_path(path)?;
        let shown = path.display();
        match path.symlink_metadata() {
            Ok(found) if !found.file_type().is_socket() => {
                bail!("{shown} is there, but it is not a socket; use another path or remove it");
            }
            Ok(_) if UnixStream::connect(path).is_ok() => {
                bail!("socket {shown} is in use by another program; use another path");
            }
            Ok(_) => std::fs::remove_file(path)
                .with_context(|| format!("cannot remove the stale socket {shown}"))?,
            Err(_) => {}
        }
        let socket = UnixListener::bind(path)
            .with_context(|| format!("cannot listen on {shown}; its directory must be writable"))?;
        socket.set_nonblocking(true)?;
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
