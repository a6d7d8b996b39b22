//! Files that are nowhere on a disk, for code that wants a path.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

/// A file in memory.
#[derive(Debug)]
pub struct MemoryFile(File);

impl MemoryFile {
    /// A file that holds `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        let descriptor: OwnedFd =
            memfd_create("input", MemfdFlags::CLOEXEC).expect("there are files in memory");
        let mut file = File::from(descriptor);
        file.write_all(bytes).expect("there is memory");
        Self(file)
    }

    /// Cuts it, or lets zeroes follow.
    pub fn set_length(&self, length: u64) {
        self.0.set_len(length).expect("there is memory");
    }

    /// Where it can be opened, at its start.
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}
