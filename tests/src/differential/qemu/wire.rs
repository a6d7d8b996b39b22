//! The far end of QEMU's wire: frames in QEMU's stream framing.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;

use anyhow::{Context, ensure};

const LENGTH: usize = 4;

/// The far end.
pub struct Wire {
    socket: UnixStream,
    unread: Vec<u8>,
}

impl Wire {
    /// Reads from `socket`, which must not block.
    pub fn new(socket: UnixStream) -> Self {
        Self { socket, unread: Vec::new() }
    }

    /// Every frame that is there. QEMU sends a frame before it answers the command that made it.
    pub fn frames(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        match self.socket.read_to_end(&mut self.unread) {
            Ok(_) => anyhow::bail!("QEMU closed the wire"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("reading the wire"),
        }
        let mut frames = Vec::new();
        let mut rest = &self.unread[..];
        while let Some((length, after)) = rest.split_first_chunk::<LENGTH>() {
            let length = u32::from_be_bytes(*length) as usize;
            ensure!(after.len() >= length, "a frame broke off: more was sent than the wire holds");
            let (frame, after) = after.split_at(length);
            frames.push(frame.to_vec());
            rest = after;
        }
        self.unread.clear();
        Ok(frames)
    }
}
