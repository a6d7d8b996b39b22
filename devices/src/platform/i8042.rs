//! The keyboard controller, as far as a machine without keyboard needs it: its reset line.

use crate::bus::{Action, Device};

/// Command 0xfe pulses the CPU's reset line.
const PULSE_RESET: u8 = 0xfe;
/// Offset of the command and status register from port 0x60.
const COMMAND: u64 = 4;

/// Sits at ports 0x60 to 0x64.
#[derive(Debug, Default)]
pub struct I8042;

impl Device for I8042 {
    fn read(&mut self, _offset: u64, data: &mut [u8]) {
        // Status 0: neither buffer is full, so a command may be written.
        data.fill(0);
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Action {
        if offset == COMMAND && data == [PULSE_RESET] { Action::Reset } else { Action::None }
    }
}
