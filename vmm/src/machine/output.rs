//! Where a serial port's output goes: a descriptor whose reader may be slow, or gone.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::ending::Endings;

/// How long to wait for room before looking whether the machine has ended.
const LOOK: u16 = 100;

/// Writes to a descriptor. A reader that does not read holds the guest up, as a slow terminal
/// would, but never the end of the machine.
pub struct PatientOutput {
    descriptor: OwnedFd,
    endings: Arc<Endings>,
}

impl PatientOutput {
    /// Writes to `descriptor` until `endings` has one.
    pub fn new(descriptor: OwnedFd, endings: Arc<Endings>) -> Self {
        Self { descriptor, endings }
    }

    /// Waits for room. Asking first keeps a write of a few bytes from blocking, also where the
    /// descriptor is shared with others and cannot be told not to block.
    fn wait_for_room(&self) -> io::Result<()> {
        loop {
            let room = PollFd::new(self.descriptor.as_fd(), PollFlags::POLLOUT);
            match poll(&mut [room], PollTimeout::from(LOOK)) {
                Ok(0) | Err(Errno::EINTR) if self.endings.get().is_some() => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Write for PatientOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.wait_for_room()?;
            match nix::unistd::write(&self.descriptor, bytes) {
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                result => return Ok(result?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
