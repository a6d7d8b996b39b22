//! The far end of a NIC's wire: swallows what comes, or sends as fast as it is taken.

use std::fmt;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use devices::net::framing::PREFIX;

use crate::wait::within;

/// What a NIC is plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Nothing: the backend swallows frames.
    Null,
    /// A stream socket.
    Stream,
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Stream => "stream",
        })
    }
}

/// Bytes read or written at a time.
const CHUNK: usize = 256 << 10;
/// How long the other side may read nothing, and how long it may take to read what is left.
const DRAIN: Duration = Duration::from_secs(10);

/// A thread that reads the wire, and maybe one that writes it.
pub struct Far {
    socket: UnixStream,
    _reader: JoinHandle<()>,
}

/// Sends until it is told to stop.
pub struct Sender {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Far {
    /// The far end of `socket`, whose bytes it swallows.
    pub fn new(socket: UnixStream) -> anyhow::Result<Self> {
        socket.set_write_timeout(Some(DRAIN))?;
        let mut from = socket.try_clone()?;
        let reader = thread::Builder::new().name("sink".into()).spawn(move || {
            let mut buffer = vec![0; CHUNK];
            while from.read(&mut buffer).is_ok_and(|count| count > 0) {}
        })?;
        Ok(Self { socket, _reader: reader })
    }

    /// Sends broadcast frames of `length` bytes from now on.
    pub fn send(&self, length: usize) -> anyhow::Result<Sender> {
        let mut frame = (length as u32).to_be_bytes().to_vec();
        frame.extend([0xff; 6]);
        frame.extend([0x52, 0x54, 0, 0, 0, 1, 0x88, 0xb5]);
        frame.resize(PREFIX + length, 0);
        let chunk = frame.repeat((CHUNK / frame.len()).max(1));
        let payload = (chunk.len() / frame.len() * length) as u64;
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut to = self.socket.try_clone()?;
        let (stopped, count) = (stop.clone(), sent.clone());
        let thread = thread::Builder::new().name("source".into()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                to.write_all(&chunk)?;
                count.fetch_add(payload, Ordering::Relaxed);
            }
            Ok(())
        })?;
        Ok(Sender { stop, sent, thread })
    }

    /// Waits until the other side has read everything.
    pub fn drained(&self) -> anyhow::Result<()> {
        within(DRAIN, || (unread(&self.socket) == 0).then_some(()))
            .context("the VMM does not read its wire to the end")
    }
}

impl Sender {
    /// Bytes of frames sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Stops at the end of a frame.
    pub fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let result = self.thread.join().map_err(|_| anyhow::anyhow!("the source panicked"))?;
        result.context("the VMM does not take frames any more")
    }
}

/// Bytes that the other side has not read yet.
#[allow(unsafe_code)]
fn unread(socket: &UnixStream) -> libc::c_int {
    let mut count = 0;
    // SAFETY: TIOCOUTQ writes an integer.
    unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    count
}
