//! ACPI fixed hardware: PM1 event and control registers, and a reset register behind them.
//!
//! | offset | register |
//! |---|---|
//! | 0 | PM1a_EVT: status, then enable, 16 bits each |
//! | 4 | PM1a_CNT: 16 bits; SLP_TYP in 12:10, SLP_EN is bit 13, SCI_EN is bit 0 |
//! | 8 | reset: any write resets |
//!
//! ACPI 6.4, sections 4.8.3.1, 4.8.3.2 and 4.8.3.6. The machine is always in ACPI mode.

use crate::bus::{Action, Device};

/// The SLP_TYP value that the DSDT's `_S5_` names.
pub const SLEEP_TYPE_OFF: u8 = 5;

const ENABLE: u64 = 2;
const CONTROL: u64 = 4;
const RESET: u64 = 8;
const SCI_ENABLE: u16 = 1;
const SLEEP_ENABLE: u16 = 1 << 13;
const SLEEP_TYPE_SHIFT: u16 = 10;

/// The registers; 9 ports long.
#[derive(Debug, Default)]
pub struct Power {
    enable: u16,
    control: u16,
}

impl Power {
    /// Ports it takes.
    pub const LENGTH: u64 = 9;
}

impl Device for Power {
    fn read(&mut self, offset: u64, data: &mut [u8]) {
        let mut registers = [0u8; Self::LENGTH as usize];
        registers[ENABLE as usize..][..2].copy_from_slice(&self.enable.to_le_bytes());
        let control = self.control | SCI_ENABLE;
        registers[CONTROL as usize..][..2].copy_from_slice(&control.to_le_bytes());
        for (index, byte) in data.iter_mut().enumerate() {
            *byte = registers.get(offset as usize + index).copied().unwrap_or(0);
        }
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Action {
        let value = match *data {
            [low] => u16::from(low),
            [low, high, ..] => u16::from_le_bytes([low, high]),
            [] => return Action::None,
        };
        match offset {
            ENABLE => self.enable = value,
            CONTROL => {
                self.control = value & !SLEEP_ENABLE;
                let kind = value >> SLEEP_TYPE_SHIFT & 7;
                if value & SLEEP_ENABLE != 0 && kind == u16::from(SLEEP_TYPE_OFF) {
                    return Action::PowerOff;
                }
            }
            RESET => return Action::Reset,
            _ => {}
        }
        Action::None
    }
}
