//! The bits of the interrupt status and mask registers that this model raises.

/// ROK: frames arrived.
pub const RECEIVED: u32 = 1 << 0;
/// TOK: descriptors were given back.
pub const SENT: u32 = 1 << 2;
/// ROVW, RDU in C+ mode: a frame found no descriptor.
pub const NO_DESCRIPTOR: u32 = 1 << 4;
/// PUN, LinkChg: the link came or went.
pub const LINK_CHANGED: u32 = 1 << 5;
/// SERR: memory was out of reach.
pub const SYSTEM_ERROR: u32 = 1 << 15;
/// The bits that writing a one clears.
pub const WRITABLE: u32 = 0xe1ff;
