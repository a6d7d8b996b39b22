//! The host bridge: slot 0, which a guest expects to find and has nothing to do to.

use super::Function;
use super::config::{Configuration, Identity};
use crate::bus::Action;

/// Intel's 440FX host bridge, the one that every guest knows.
const IDENTITY: Identity = Identity {
    vendor: 0x8086,
    device: 0x1237,
    class: [0x06, 0x00, 0x00],
    revision: 0x02,
    subsystem_vendor: 0,
    subsystem: 0,
};

/// A host bridge without registers of its own.
#[derive(Debug)]
pub struct HostBridge(Configuration);

impl Default for HostBridge {
    fn default() -> Self {
        Self(Configuration::new(IDENTITY))
    }
}

impl Function for HostBridge {
    fn configuration(&self) -> &Configuration {
        &self.0
    }

    fn write_config(&mut self, offset: usize, data: &[u8]) -> Action {
        self.0.write(offset, data)
    }

    fn read_bar(&mut self, _bar: usize, _offset: u64, data: &mut [u8]) {
        data.fill(0xff);
    }

    fn write_bar(&mut self, _bar: usize, _offset: u64, _data: &[u8]) -> Action {
        Action::None
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}
