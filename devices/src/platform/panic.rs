//! The pvpanic port: one byte by which a guest kernel reports that it panicked.
//!
//! Protocol: QEMU's `docs/specs/pvpanic`: a read tells the events the device understands, a
//! write reports them.

use crate::bus::{Action, Device};

/// The guest panicked and its kernel did nothing about it.
const PANICKED: u8 = 1 << 0;
/// The guest panicked and runs a crash kernel.
const CRASH_LOADED: u8 = 1 << 1;

/// Sits at one port.
#[derive(Debug, Default)]
pub struct Panic;

impl Device for Panic {
    fn read(&mut self, _offset: u64, data: &mut [u8]) {
        data.fill(PANICKED | CRASH_LOADED);
    }

    fn write(&mut self, _offset: u64, data: &[u8]) -> Action {
        let panicked = data.first().is_some_and(|events| events & PANICKED != 0);
        if panicked { Action::Panicked } else { Action::None }
    }
}
