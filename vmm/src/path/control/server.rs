//! The path's end of the control socket. Nothing here ever waits: frames are more important.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};

use super::{Answer, REQUEST_MAX};
use crate::path::listener::Listener;

/// Clients at once; more wait until one goes.
const CLIENTS_MAX: usize = 8;

/// A control socket and who is connected to it.
#[derive(Debug)]
pub(in crate::path) struct Control {
    listener: Listener,
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    socket: OwnedFd,
    /// What it wrote since its last newline.
    line: Vec<u8>,
}

impl Control {
    /// Listens at `path`.
    pub(in crate::path) fn bind(path: &Path) -> anyhow::Result<Self> {
        Ok(Self { listener: Listener::bind(path)?, clients: Vec::new() })
    }

    /// Everything that may become readable.
    pub(in crate::path) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let room = self.clients.len() < CLIENTS_MAX;
        let listener = room.then(|| self.listener.as_fd());
        listener.into_iter().chain(self.clients.iter().map(|client| client.socket.as_fd()))
    }

    /// Lets new clients in and answers what has been asked. A client that breaks the rules or does
    /// not read its answers is let go.
    pub(in crate::path) fn serve(&mut self, mut answer: impl FnMut(&str) -> Answer) {
        while self.clients.len() < CLIENTS_MAX
            && let Some(socket) = self.listener.accept()
        {
            self.clients.push(Client { socket, line: Vec::new() });
        }
        self.clients.retain_mut(|client| client.serve(&mut answer).is_some());
    }
}

impl Client {
    /// Answers the requests that are complete. `None` if the client is done.
    fn serve(&mut self, answer: &mut impl FnMut(&str) -> Answer) -> Option<()> {
        let mut buffer = [0; REQUEST_MAX];
        let count = match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => return None,
            Ok(count) => count,
            Err(Errno::EAGAIN | Errno::EINTR) => return Some(()),
            Err(_) => return None,
        };
        for piece in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > REQUEST_MAX {
                let _ = self.tell(&Answer::Error(format!("more than {REQUEST_MAX} bytes")));
                return None;
            }
            if piece.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&self.line).trim().to_owned();
                self.line.clear();
                self.tell(&answer(&line))?;
            }
        }
        Some(())
    }

    /// Writes all of an answer or gives up.
    fn tell(&self, answer: &Answer) -> Option<()> {
        let mut line = serde_json::to_vec(answer).ok()?;
        line.push(b'\n');
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let sent = send(self.socket.as_raw_fd(), &line, flags);
        (sent == Ok(line.len())).then_some(())
    }
}
