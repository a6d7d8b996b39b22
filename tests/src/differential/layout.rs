//! Where things lie in the memory of a script's guest.
//!
//! Regions keep apart what a NIC reads from what it writes, so that when it does which matters to
//! no script: that is the one thing in which ours and QEMU's differ by design.

use std::ops::Range;

/// Bytes of RAM, from address 0 on.
pub const RAM: usize = 16 << 20;
/// What is compared: where C mode's ring lies until a driver moves it, and what scripts use.
pub const AREAS: [Range<u64>; 2] = [0..0x2_0000, 0x10_0000..0x18_0000];

/// The transmit ring of C+ mode.
pub const TX_RING: u64 = 0x10_0000;
/// The high-priority transmit ring.
pub const HIGH_RING: u64 = 0x10_0400;
/// The receive ring of C+ mode. Zeros follow, which end a ring without end.
pub const RX_RING: u64 = 0x10_0800;
/// Where tally counters are dumped.
pub const TALLY: u64 = 0x10_4000;
/// The receive ring of C mode, with all the slack that wrapping may need.
pub const C_RING: u64 = 0x11_0000;
/// Receive buffers of C+ mode.
pub const RX_BUFFERS: Range<u64> = 0x13_0000..0x15_0000;
/// Transmit buffers of both modes.
pub const TX_BUFFERS: Range<u64> = 0x15_0000..0x18_0000;

/// The NIC's address.
pub const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
