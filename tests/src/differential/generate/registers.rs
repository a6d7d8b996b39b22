//! Accesses to any register, of any width, at any alignment.

use super::{Driver, layout};

/// Registers of 32 bits; one of them is not there.
const LONGS: [u8; 16] = [
    0x00, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x40, 0x44, 0x4c,
];
/// Registers of 16 bits; some of them are not there.
const WORDS: [u8; 14] =
    [0x34, 0x38, 0x3a, 0x3c, 0x3e, 0x5c, 0x60, 0x62, 0x64, 0x66, 0x68, 0x6a, 0x74, 0xe2];
/// Registers of 8 bits; some of them are not there.
const BYTES: [u8; 12] = [0x36, 0x37, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b, 0x5e, 0xd8, 0xec];
/// TimerInt, of 32 bits.
const TIMER: u8 = 0x54;
/// A value of the timer interrupt that no test lives to see.
const NEVER: u32 = 0xe000_0000;

impl Driver {
    pub(super) fn register_action(&mut self) {
        match self.rng.u32(..10) {
            0..3 => self.read_anything(),
            3..6 => self.write_known(),
            6 => self.write_odd(),
            7 => self.unlocked(),
            8 => self.phy(),
            _ if self.once_in(4) => self.autoload(),
            _ => self.write_known(),
        }
    }

    /// A register and its own width.
    fn known(&mut self) -> (u8, usize) {
        match self.rng.u32(..43) {
            0..16 => (self.pick(&LONGS), 4),
            16 => (TIMER, 4),
            17..31 => (self.pick(&WORDS), 2),
            _ => (self.pick(&BYTES), 1),
        }
    }

    fn read_anything(&mut self) {
        let width = self.pick(&[1, 2, 4]);
        let (known, _) = self.known();
        let any = self.rng.u8(..);
        let offset = self.pick(&[known, known, any]);
        // The running counter is never the same.
        let counter = (0x48 - width as u8 + 1..0x4c).contains(&offset);
        if !counter && usize::from(offset) + width <= 256 {
            self.read(offset, width);
        }
    }

    fn write_known(&mut self) {
        let (offset, width) = self.known();
        let value = self.value(offset);
        self.write(offset, width, value);
    }

    /// A value for a register, such that nothing points out of memory.
    fn value(&mut self, offset: u8) -> u32 {
        let any = self.rng.u32(..);
        match offset {
            0x10 if self.cplus => any & !8,
            0x20 if self.cplus => layout::TX_RING as u32,
            0x28 if self.cplus => layout::HIGH_RING as u32,
            0x24 | 0x2c if self.cplus => 0,
            0x20 | 0x24 | 0x28 | 0x2c => layout::TX_BUFFERS.start as u32 + (any & 0xffff),
            0x30 => layout::C_RING as u32 + self.pick(&[0, 4, 0x40]),
            TIMER => self.pick(&[0, NEVER | any]),
            _ => self.pick(&[any, any, any, 0, u32::MAX]),
        }
    }

    /// Writes of a width or at an alignment that the register is not made for.
    fn write_odd(&mut self) {
        let width = self.pick(&[1, 2, 4]);
        let (known, _) = self.known();
        let any = self.rng.u8(..);
        let offset = self.pick(&[known, known + 1, known & !3, any]);
        let aligned_long = width == 4 && offset.is_multiple_of(4);
        let end = usize::from(offset) + width;
        // CPCR and TPPoll have actions of their own.
        let own_action = offset <= 0xe1 && end > 0xe0 || offset <= 0xd9 && end > 0xd9;
        if aligned_long || own_action || end > 256 {
            return;
        }
        let value = self.rng.u32(..);
        self.write(offset, width, value);
    }

    /// Configuration registers, with the lock open for them or not.
    fn unlocked(&mut self) {
        let lock = self.pick(&[0xc0, 0xc0, 0xc0, 0x00, 0x80]);
        self.write(0x50, 1, lock);
        for _ in 0..self.rng.u32(1..5) {
            let offset = self.pick(&[0x51, 0x52, 0x59, 0x5a, 0xd8, 0x00]);
            let value = self.rng.u32(..256);
            self.write(offset, 1, value);
        }
        self.write(0x50, 1, 0);
    }

    fn phy(&mut self) {
        let offset = self.pick(&[0x62, 0x62, 0x64, 0x66, 0x68, 0x6a, 0x74]);
        let any = self.rng.u32(..0x1_0000);
        let value = self.pick(&[0x8000, 0x0200, 0x1200, 0x3100, 0x9000, any, any]);
        self.write(offset, 2, value);
    }

    /// The EEPROM's autoload acts as a reset.
    fn autoload(&mut self) {
        self.write(0x50, 1, 0x40);
        self.forget();
    }
}
