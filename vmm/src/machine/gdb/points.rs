//! Breakpoints and watchpoints: bytes in guest memory, and the four debug registers.

use std::collections::BTreeMap;

use gdbstub::target::ext::breakpoints::WatchKind;

/// Debug registers that hold an address.
const SLOTS: usize = 4;
/// Bits of DR6 that tell which of them it was.
const HIT: u64 = 0xf;
/// DR7: local enable bits are the even ones from 0; conditions and lengths are 4 bits each from 16.
const CONDITION_SHIFT: u32 = 16;
const CONDITION_BITS: u32 = 4;

/// What a debug register waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The instruction at the address.
    Execute,
    /// A write of any of so many bytes.
    Write(u8),
    /// A read or write of any of so many bytes.
    Access(u8),
}

impl Condition {
    /// A watchpoint. The CPU watches 1, 2, 4 or 8 bytes, and does not tell reads from writes.
    pub fn watch(kind: WatchKind, address: u64, length: u64) -> Option<Self> {
        let fits = matches!(length, 1 | 2 | 4 | 8) && address.is_multiple_of(length);
        match (kind, fits) {
            (_, false) => None,
            (WatchKind::Write, true) => Some(Self::Write(length as u8)),
            (WatchKind::Read | WatchKind::ReadWrite, true) => Some(Self::Access(length as u8)),
        }
    }

    /// The condition and length as DR7 has them.
    fn bits(self) -> u64 {
        let length = |bytes: u8| match bytes {
            1 => 0,
            2 => 1,
            8 => 2,
            _ => 3,
        };
        match self {
            Self::Execute => 0,
            Self::Write(bytes) => 1 | length(bytes) << 2,
            Self::Access(bytes) => 3 | length(bytes) << 2,
        }
    }
}

/// The debug registers as they shall be on every vCPU.
#[derive(Clone, Debug, Default)]
pub struct HardwarePoints([Option<(u64, Condition)>; SLOTS]);

impl HardwarePoints {
    /// Takes a free register; answers false if there is none.
    pub fn add(&mut self, address: u64, condition: Condition) -> bool {
        match self.0.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                *slot = Some((address, condition));
                true
            }
            None => false,
        }
    }

    /// Gives a register back; answers false if there was none.
    pub fn remove(&mut self, address: u64, condition: Condition) -> bool {
        match self.0.iter_mut().find(|slot| **slot == Some((address, condition))) {
            Some(slot) => slot.take().is_some(),
            None => false,
        }
    }

    /// Gives all back.
    pub fn clear(&mut self) {
        self.0 = [None; SLOTS];
    }

    /// Which of them a DR6 says was hit.
    pub fn hit(&self, dr6: u64) -> Option<(u64, Condition)> {
        let index = (dr6 & HIT).trailing_zeros() as usize;
        self.0.get(index).copied().flatten()
    }

    /// DR0 to DR7, or `None` if nothing is set.
    pub fn registers(&self) -> Option<[u64; 8]> {
        let mut registers = [0; 8];
        for (index, slot) in self.0.iter().enumerate() {
            if let Some((address, condition)) = slot {
                registers[index] = *address;
                let shift = CONDITION_SHIFT + CONDITION_BITS * index as u32;
                registers[7] |= 1 << (2 * index) | condition.bits() << shift;
            }
        }
        (registers[7] != 0).then_some(registers)
    }
}

/// Software breakpoints: the bytes that lie under them, by address.
#[derive(Clone, Debug, Default)]
pub struct SoftwarePoints(pub BTreeMap<u64, u8>);

impl SoftwarePoints {
    /// Whether one lies at `address`.
    pub fn contains(&self, address: u64) -> bool {
        self.0.contains_key(&address)
    }
}

#[cfg(test)]
#[path = "points_tests.rs"]
mod tests;
