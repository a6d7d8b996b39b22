//! PCI: what a function shows and how the machine drives it.
//!
//! A [`Function`] has a configuration space ([`config::Configuration`]) and registers behind its
//! BARs. The machine maps the BARs where the guest put them ([`decode`]), turns the function's doorbells into
//! ioeventfds, passes its line on after every access, and lets [`Function::as_nic`] drive frames.

pub mod config;
pub mod decode;
mod host_bridge;
pub mod msix;
mod root;

pub use host_bridge::HostBridge;
pub use root::{ConfigurationPorts, SLOTS, Target};

use crate::bus::Action;
use crate::net::Nic;
use config::Configuration;

/// A register write that carries no more news than that it happened.
///
/// The machine may catch it in the kernel and call [`Function::ring`] later, from another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doorbell {
    /// Which BAR the register lies behind.
    pub bar: usize,
    /// Its offset.
    pub offset: u64,
    /// Width of the write in bytes; 0 means any width.
    pub width: usize,
    /// The value that rings, or any.
    pub value: Option<u64>,
    /// What to hand to [`Function::ring`].
    pub id: u32,
}

impl Doorbell {
    /// Whether it rings when `data` is written at `offset` behind `bar`.
    pub fn rings(&self, bar: usize, offset: u64, data: &[u8]) -> bool {
        let value = data.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        (self.bar, self.offset) == (bar, offset)
            && (self.width == 0 || self.width == data.len())
            && self.value.is_none_or(|wanted| wanted == value)
    }
}

/// A single-function PCI device.
pub trait Function: Send {
    /// The configuration space.
    fn configuration(&self) -> &Configuration;

    /// Reads configuration space; `data` is 1, 2 or 4 aligned bytes within 256.
    fn read_config(&mut self, offset: usize, data: &mut [u8]) {
        self.configuration().read(offset, data);
    }

    /// Writes configuration space. Answers [`Action::LayoutChanged`] when a BAR or its decoding
    /// changed.
    fn write_config(&mut self, offset: usize, data: &[u8]) -> Action;

    /// Reads a register behind a BAR.
    fn read_bar(&mut self, bar: usize, offset: u64, data: &mut [u8]);

    /// Writes a register behind a BAR.
    fn write_bar(&mut self, bar: usize, offset: u64, data: &[u8]) -> Action;

    /// The doorbells. Asked again after each [`Action::LayoutChanged`].
    fn doorbells(&self) -> Vec<Doorbell> {
        Vec::new()
    }

    /// A doorbell rang. The machine runs the function's worker next; nothing long belongs here.
    fn ring(&mut self, _id: u32) {}

    /// A doorbell whose work stopped at a cap: ring it again after others had their turn.
    fn unfinished(&self) -> Option<u32> {
        None
    }

    /// Whether the function asserts its INTx line now.
    fn level(&self) -> bool {
        false
    }

    /// Whether the function asserts PME# now: it sleeps, and saw what it was to wake up for.
    fn wakes(&self) -> bool {
        false
    }

    /// Shows the registers behind memory BAR `bar` that reads may be served from without asking:
    /// fills `page` and answers true, or answers false if reads must be asked for now.
    fn mirror(&self, _bar: usize, _page: &mut [u8]) -> bool {
        false
    }

    /// Says how late it is, in nanoseconds of a clock of the machine that never goes back. Called
    /// before each access, and when [`Function::deadline`] has passed.
    fn set_time(&mut self, _now: u64) {}

    /// When the function next has something to do without being accessed.
    fn deadline(&self) -> Option<u64> {
        None
    }

    /// The function as a NIC, if it is one.
    fn as_nic(&mut self) -> Option<&mut dyn Nic> {
        None
    }

    /// Back to power-on state.
    fn reset(&mut self);
}
