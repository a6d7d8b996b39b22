//! What a driver can do wrong with a virtqueue.

use crate::memory::DmaError;

/// Why a device stopped and asked to be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The queue's size is no power of two or above the maximum
    #[error("queue size {0} is not a power of two up to the device's maximum")]
    Size(u16),
    /// A ring breaks the alignment rules of section 2.7
    #[error("a ring address is not aligned: descriptors 16, available 2, used 4")]
    Alignment,
    /// A ring does not lie in RAM
    #[error("a ring of the queue does not lie in RAM")]
    Ring,
    /// The available index ran ahead by more than the queue's size, or went back
    #[error("the available index is more than a whole queue ahead, or went back")]
    AvailableIndex,
    /// A chain loops, leaves its table, or nests indirect tables
    #[error("a descriptor chain loops, leaves its table or nests indirect tables")]
    Chain,
    /// A chain has more descriptors than [`super::MAX_CHAIN`]
    #[error("a descriptor chain has too many descriptors")]
    ChainTooLong,
    /// A chain has no room for the request or for the answer
    #[error("a descriptor chain is too short for a request and its answer")]
    ChainTooShort,
    /// A buffer is writable where the device reads, or the other way round
    #[error("a buffer is device-writable where it must be readable, or the other way round")]
    Direction,
    /// A buffer does not lie in RAM
    #[error("a buffer cannot be reached: {0}")]
    Buffer(#[from] DmaError),
}
