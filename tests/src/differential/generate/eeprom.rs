//! The EEPROM, by its wires.

use super::Driver;

const PROGRAM: u32 = 0x80;
const SELECT: u32 = 8;
const CLOCK: u32 = 4;
const DATA: u32 = 2;

impl Driver {
    /// One command, or something that is none.
    pub(super) fn eeprom_action(&mut self) {
        let address = self.rng.u32(..64);
        let any = self.rng.u32(..);
        match self.rng.u32(..8) {
            0..3 => self.clock_out(0b110 << 6 | address, 9, 16),
            // As Linux asks how wide addresses are.
            3 => self.clock_out(0b110 << 8, 11, 16),
            4 => self.clock_out(0b1_0011 << 4, 9, 2),
            5 => {
                self.clock_out(0b101 << 6 | address, 9, 0);
                self.clock_out(any & 0xffff, 16, 1);
            }
            6 => self.clock_out(any & 0x1ff, 9, 20),
            _ => {
                for _ in 0..self.rng.u32(1..30) {
                    let value = self.rng.u32(..256) & 0xef | PROGRAM;
                    self.write(0x50, 1, value & !0x40);
                }
            }
        }
        if self.once_in(3) {
            self.write(0x50, 1, 0);
        }
    }

    /// Clocks out `count` bits of `bits`, then `more` zeros, and takes the select away.
    fn clock_out(&mut self, bits: u32, count: u32, more: u32) {
        self.write(0x50, 1, PROGRAM);
        self.write(0x50, 1, PROGRAM | SELECT);
        let more_bits = std::iter::repeat_n(false, more as usize);
        let bits: Vec<bool> =
            (0..count).rev().map(|bit| bits >> bit & 1 != 0).chain(more_bits).collect();
        for bit in bits {
            let data = if bit { DATA } else { 0 };
            self.write(0x50, 1, PROGRAM | SELECT | data);
            self.write(0x50, 1, PROGRAM | SELECT | CLOCK | data);
        }
        if !self.once_in(4) {
            self.write(0x50, 1, PROGRAM);
        }
    }
}
