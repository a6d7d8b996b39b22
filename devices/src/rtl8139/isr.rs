//! The bits of the interrupt status and mask registers.

/// ROK: frames arrived.
pub const RECEIVED: u32 = 1 << 0;
/// RER: a frame was received in error and dropped.
pub const RECEIVE_ERROR: u32 = 1 << 1;
/// TOK: descriptors were given back.
pub const SENT: u32 = 1 << 2;
/// TER: a frame was given up.
pub const TRANSMIT_ERROR: u32 = 1 << 3;
/// ROVW, RDU in C+ mode: a frame found no room.
pub const NO_ROOM: u32 = 1 << 4;
/// PUN, LinkChg: the link came or went.
pub const LINK_CHANGED: u32 = 1 << 5;
/// TDU: the transmitter ran out of descriptors.
pub const TRANSMITTER_DRY: u32 = 1 << 7;
/// SWInt: the driver asked for an interrupt.
pub const SOFTWARE: u32 = 1 << 8;
/// Timeout: the counter reached TimerInt.
pub const TIMEOUT: u32 = 1 << 14;
/// SERR: memory was out of reach.
pub const SYSTEM_ERROR: u32 = 1 << 15;
/// The bits that writing a one clears.
pub const WRITABLE: u32 = 0xe1ff;
