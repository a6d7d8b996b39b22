//! The register file: one mechanism that serves any access to the declared registers.
//!
//! The 256 bytes of the file are always what a read would give, so a read is a copy, and so is the
//! page that a guest reads without leaving. A write of any width and offset is split by
//! [`Registers::split`] into the registers it touches; [`Registers::store`] then changes the bits
//! that the write covers and the register lets change. What else a write does is in `control`.

use super::registers::{Reg, Row, SIZE, TABLE};

/// What a write brings to one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// The register.
    pub reg: Reg,
    /// The bytes written, in their places; zero elsewhere.
    pub value: u32,
    /// All ones in the bytes that were written.
    pub lanes: u32,
}

/// The register file.
#[derive(Clone, Debug)]
pub struct Registers {
    bytes: [u8; SIZE],
}

impl Registers {
    /// The file after power-on.
    pub fn new() -> Self {
        let mut new = Self { bytes: [0; SIZE] };
        new.reset(|_| true);
        new
    }

    /// Gives the registers that `which` picks their reset values.
    pub fn reset(&mut self, which: impl Fn(&Row) -> bool) {
        for row in TABLE.iter().filter(|row| which(row)) {
            self.set(row.reg, row.reset);
        }
    }

    /// Answers a read; beyond the end reads as all ones.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0xff);
        let from = usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..));
        for (byte, value) in data.iter_mut().zip(from.unwrap_or_default()) {
            *byte = *value;
        }
    }

    /// The value of a register.
    pub fn get(&self, reg: Reg) -> u32 {
        let mut value = [0; 4];
        let row = &TABLE[reg as usize];
        value[..usize::from(row.width)].copy_from_slice(&self.bytes[row.range()]);
        u32::from_le_bytes(value)
    }

    /// The value of two registers that make up one address.
    pub fn get_pair(&self, low: Reg, high: Reg) -> u64 {
        u64::from(self.get(high)) << 32 | u64::from(self.get(low))
    }

    /// Sets a register from the device's side.
    pub fn set(&mut self, reg: Reg, value: u32) {
        let row = &TABLE[reg as usize];
        self.bytes[row.range()].copy_from_slice(&value.to_le_bytes()[..usize::from(row.width)]);
    }

    /// Takes the writable bits that a write covers.
    pub fn store(&mut self, write: Write) {
        let mask = write.lanes & TABLE[write.reg as usize].writable;
        let value = self.get(write.reg) & !mask | write.value & mask;
        self.set(write.reg, value);
    }

    /// Splits a write into the registers it touches, in ascending order. Bytes that belong to no
    /// register are lost.
    pub fn split(offset: u64, data: &[u8]) -> impl Iterator<Item = Write> + '_ {
        TABLE.iter().filter_map(move |row| {
            let mut write = Write { reg: row.reg, value: 0, lanes: 0 };
            for lane in 0..row.width {
                let at = u64::from(row.offset + lane).checked_sub(offset);
                if let Some(byte) = at.and_then(|at| data.get(at as usize)) {
                    write.value |= u32::from(*byte) << (8 * lane);
                    write.lanes |= 0xff << (8 * lane);
                }
            }
            (write.lanes != 0).then_some(write)
        })
    }
}

#[cfg(test)]
#[path = "register_file_tests.rs"]
mod tests;
