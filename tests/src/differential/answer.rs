//! What can be seen of a NIC after a step, and how that is written.

use std::fmt;

use super::bytes::write_hexadecimal;
use super::memory::Change;

/// 16-bit registers: QEMU shows them to 16-bit reads alone.
pub const WORDS: [u8; 14] =
    [0x38, 0x3a, 0x3c, 0x3e, 0x5c, 0x60, 0x62, 0x64, 0x66, 0x68, 0x6a, 0x74, 0xe0, 0xe2];
/// 32-bit reads that show the whole file.
pub const LONGS: usize = 64;
/// Changed bytes that are written in full; more are written as a CRC-32.
const IN_FULL: usize = 16;

/// The register file, as reads of the chip's own widths show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Read as 32-bit registers.
    pub longs: [u32; LONGS],
    /// Those of [`WORDS`], read as 16-bit registers.
    pub words: [u16; WORDS.len()],
}

impl Registers {
    /// Nothing read yet.
    pub const UNKNOWN: Self = Self { longs: [0; LONGS], words: [0; WORDS.len()] };

    /// Each register: the letter of its width, its offset, its value.
    fn each(&self) -> impl Iterator<Item = (char, u8, u32)> + '_ {
        let longs = (0..=u8::MAX).step_by(4).zip(self.longs).map(|(at, value)| ('l', at, value));
        let words = WORDS.iter().zip(self.words).map(|(at, value)| ('w', *at, u32::from(value)));
        longs.chain(words)
    }

    /// Those that are not as in `before`.
    pub fn changed(&self, before: &Self) -> Vec<(char, u8, u32)> {
        let pairs = self.each().zip(before.each());
        pairs.filter(|(now, before)| now != before).map(|(now, _)| now).collect()
    }
}

/// What can be seen after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the step read.
    pub value: Option<u32>,
    /// The registers.
    pub registers: Registers,
    /// Whether INTA is asserted.
    pub line: bool,
    /// Frames that the step sent.
    pub frames: Vec<Vec<u8>>,
    /// Guest memory that the step changed.
    pub memory: Vec<Change>,
}

impl Answer {
    /// The answer in text, a line a fact, registers only as far as they are not as in `before`.
    pub fn facts(&self, before: Option<&Self>) -> Vec<String> {
        let mut facts = Vec::new();
        facts.extend(self.value.map(|value| format!("value {value:x}")));
        let known = before.map_or(&Registers::UNKNOWN, |before| &before.registers);
        for (width, offset, value) in self.registers.changed(known) {
            facts.push(format!("{width} {offset:02x} {value:x}"));
        }
        if before.is_none_or(|before| before.line != self.line) {
            facts.push(format!("line {}", if self.line { "high" } else { "low" }));
        }
        facts.extend(self.frames.iter().map(|frame| format!("sent {}", Digest(frame))));
        for (address, bytes) in &self.memory {
            facts.push(format!("ram {address:x} {}", Digest(bytes)));
        }
        facts
    }
}

/// Bytes that a person reads: in full, or their number and CRC-32.
struct Digest<'b>(&'b [u8]);

impl fmt::Display for Digest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = self;
        if bytes.len() <= IN_FULL {
            return write_hexadecimal(f, bytes);
        }
        write!(f, "{} bytes, crc {:08x}", bytes.len(), crc32fast::hash(bytes))
    }
}
