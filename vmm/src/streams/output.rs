//! A command's output, to ours.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use guest_init::client::Stream;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use rustix::stdio::{stderr, stdout};

/// Whether output waits for its reader.
static PRINTING: AtomicBool = AtomicBool::new(false);

/// Whether a command's output is being written now: what comes behind it has to wait.
pub fn is_printing() -> bool {
    PRINTING.load(Ordering::Relaxed)
}

/// Writes all of `data` where a command's `stream` goes, past the buffers of this program.
pub fn write(stream: Stream, data: &[u8]) -> io::Result<()> {
    PRINTING.store(true, Ordering::Relaxed);
    let result = write_all(stream, data);
    PRINTING.store(false, Ordering::Relaxed);
    result
}

fn write_all(stream: Stream, data: &[u8]) -> io::Result<()> {
    let to = match stream {
        Stream::Stdout => stdout(),
        Stream::Stderr => stderr(),
    };
    let mut rest = data;
    while !rest.is_empty() {
        match rustix::io::write(to, rest) {
            Ok(length) => rest = rest.get(length..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // Whoever shares it with us may have asked that nobody waits.
            Err(Errno::AGAIN) => wait(to, PollFlags::OUT),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits until a descriptor that does not wait by itself is worth another try.
pub fn wait(descriptor: BorrowedFd<'_>, flags: PollFlags) {
    // An error shows again in what is tried next.
    let _ = poll(&mut [PollFd::new(&descriptor, flags)], None);
}
