//! What a guest is asked to do while its VMM is measured.

use std::fmt;
use std::time::Duration;

/// How long a transfer goes on.
pub const TRANSFER: Duration = Duration::from_secs(3);

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// The guest's wget gets zeros from a server of the host for a while.
    Download,
    /// A client of the host gets zeros from the guest's nginx for a while.
    Upload,
    /// The guest reads its disk from the start, around its page cache.
    Read(Blocks),
    /// The guest writes it in the same way.
    Write(Blocks),
}

/// Blocks of a disk, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Bytes of each, in KiB.
    pub kib: u32,
    /// How many.
    pub count: u32,
}

const LARGE: Blocks = Blocks { kib: 1024, count: 256 };
const SMALL: Blocks = Blocks { kib: 4, count: 4096 };

/// What is done with a NIC.
pub const NETWORK: [Job; 2] = [Job::Download, Job::Upload];
/// What is done with a disk.
pub const STORAGE: [Job; 4] =
    [Job::Read(LARGE), Job::Write(LARGE), Job::Read(SMALL), Job::Write(SMALL)];

impl Blocks {
    /// All bytes.
    pub fn bytes(self) -> u64 {
        u64::from(self.kib) * 1024 * u64::from(self.count)
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Download => f.write_str("to the guest"),
            Self::Upload => f.write_str("from the guest"),
            Self::Read(blocks) => write!(f, "read, {} KiB", blocks.kib),
            Self::Write(blocks) => write!(f, "write, {} KiB", blocks.kib),
        }
    }
}
