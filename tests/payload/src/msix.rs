//! MSI-X: the capability and its table.

use crate::pci::Function;
use crate::{apic, io};

const ID: u8 = 0x11;
const ENABLE: u32 = 1 << 31;
const ENTRY: u64 = 16;

/// The table of one function.
#[derive(Clone, Copy)]
pub struct Table {
    entries: u64,
    pending: u64,
}

impl Table {
    /// Finds the table of `function` and switches MSI-X on.
    pub fn enable(function: Function) -> Self {
        let at = function.capability(ID, 0).expect("the function has no MSI-X");
        function.write(at, function.read(at) | ENABLE);
        let place = |register: u8| {
            let value = function.read(register);
            function.bar((value & 7) as usize) + u64::from(value & !7)
        };
        Self { entries: place(at + 4), pending: place(at + 8) }
    }

    /// Sends entry `index` to `vector` of this CPU, and unmasks it.
    pub fn route(self, index: u64, vector: u8) {
        let entry = self.entries + ENTRY * index;
        io::write(entry, apic::MESSAGE_ADDRESS as u32);
        io::write(entry + 4, 0u32);
        io::write(entry + 8, u32::from(vector));
        self.mask(index, false);
    }

    /// Masks or unmasks entry `index`.
    pub fn mask(self, index: u64, masked: bool) {
        io::write(self.entries + ENTRY * index + 12, u32::from(masked));
    }

    /// Whether entry `index` waits to be unmasked.
    pub fn pending(self, index: u64) -> bool {
        io::read::<u32>(self.pending + index / 32 * 4) >> (index % 32) & 1 == 1
    }
}
