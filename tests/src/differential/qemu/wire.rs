//! The far end of QEMU's wire: frames in QEMU's stream framing.
//!
//! QEMU reads a frame when its event loop comes round to it, unless an earlier frame found no room
//! in the NIC: then it reads no more until the NIC took that one. So one frame at a time is sent,
//! and whether it was read tells whether the one before still waits.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use anyhow::{Context, ensure};

const LENGTH: usize = 4;

nix::ioctl_read_bad!(unread_bytes, libc::TIOCOUTQ, libc::c_int);

/// The far end.
pub struct Wire {
    socket: UnixStream,
    received: Vec<u8>,
    /// Frames that QEMU was not sent yet.
    waiting: VecDeque<Vec<u8>>,
}

impl Wire {
    /// Talks through `socket`, which must not block.
    pub fn new(socket: UnixStream) -> Self {
        Self { socket, received: Vec::new(), waiting: VecDeque::new() }
    }

    /// Puts a frame on the wire, behind those that wait.
    pub fn push(&mut self, frame: Vec<u8>) {
        self.waiting.push_back(frame);
    }

    /// Forgets the frames that QEMU was not sent.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Sends the next frame if there is one and QEMU read all before it; answers whether it did.
    pub fn send(&mut self) -> anyhow::Result<bool> {
        if self.waiting.is_empty() || self.unread()? {
            return Ok(false);
        }
        let Some(frame) = self.waiting.pop_front() else { return Ok(false) };
        let length = u32::try_from(frame.len())?.to_be_bytes();
        self.socket.write_all(&[&length[..], &frame].concat()).context("the wire is full")?;
        Ok(true)
    }

    /// Whether QEMU has yet to read the last frame.
    pub fn unread(&self) -> anyhow::Result<bool> {
        let mut bytes = 0;
        // SAFETY: the call writes one integer, through a pointer to one.
        unsafe { unread_bytes(self.socket.as_raw_fd(), &raw mut bytes) }?;
        Ok(bytes > 0)
    }

    /// Every frame that came from QEMU, which sends a frame before it answers the command that made
    /// it.
    pub fn frames(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        match self.socket.read_to_end(&mut self.received) {
            Ok(_) => anyhow::bail!("QEMU closed the wire"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("reading the wire"),
        }
        let mut frames = Vec::new();
        let mut rest = &self.received[..];
        while let Some((length, after)) = rest.split_first_chunk::<LENGTH>() {
            let length = u32::from_be_bytes(*length) as usize;
            ensure!(after.len() >= length, "a frame broke off: more was sent than the wire holds");
            let (frame, after) = after.split_at(length);
            frames.push(frame.to_vec());
            rest = after;
        }
        self.received.clear();
        Ok(frames)
    }
}
