//! PCI configuration by the ports 0xcf8 and 0xcfc.

use crate::io;

/// Device number and function numbers of a bus without bridges.
pub const SLOTS: u8 = 32;
/// Number of BARs of a type 0 header.
pub const BARS: usize = 6;

/// Register: vendor in bits 15:0, device in 31:16.
pub const IDENTITY: u8 = 0x00;
/// Register: command.
pub const COMMAND: u8 = 0x04;
/// Register: class in bits 31:8, revision in 7:0.
pub const CLASS: u8 = 0x08;
/// Register: interrupt line in bits 7:0, pin in 15:8.
pub const INTERRUPT: u8 = 0x3c;

/// Command bit: I/O BARs decode.
pub const COMMAND_IO: u16 = 1 << 0;
/// Command bit: memory BARs decode.
pub const COMMAND_MEMORY: u16 = 1 << 1;
/// Command bit: the function may do DMA.
pub const COMMAND_MASTER: u16 = 1 << 2;

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;
const NOBODY: u32 = 0xffff_ffff;
const CAPABILITIES: u8 = 0x34;

/// A function that answered.
#[derive(Clone, Copy)]
pub struct Function {
    slot: u8,
}

/// All functions of bus 0.
pub fn functions() -> impl Iterator<Item = Function> {
    (0..SLOTS).map(|slot| Function { slot }).filter(|f| f.read(IDENTITY) != NOBODY)
}

/// The first function with this vendor and device.
pub fn find(vendor: u16, device: u16) -> Function {
    find_number(0, vendor, device)
}

/// Function `number` of those with this vendor and device.
pub fn find_number(number: usize, vendor: u16, device: u16) -> Function {
    let identity = u32::from(vendor) | u32::from(device) << 16;
    functions()
        .filter(|function| function.read(IDENTITY) == identity)
        .nth(number)
        .unwrap_or_else(|| panic!("no PCI device {vendor:04x}:{device:04x} number {number}"))
}

impl Function {
    /// Its device number.
    pub fn slot(self) -> u8 {
        self.slot
    }

    fn select(self, register: u8) {
        io::out32(ADDRESS, ENABLE | u32::from(self.slot) << 11 | u32::from(register & 0xfc));
    }

    /// Reads the register that holds offset `register`.
    pub fn read(self, register: u8) -> u32 {
        self.select(register);
        io::in32(DATA)
    }

    /// Writes the register that holds offset `register`.
    pub fn write(self, register: u8, value: u32) {
        self.select(register);
        io::out32(DATA, value);
    }

    /// Writes the command register.
    pub fn set_command(self, command: u16) {
        self.select(COMMAND);
        io::out16(DATA, command);
    }

    /// The address that BAR `index` holds, without its type bits.
    pub fn bar(self, index: usize) -> u64 {
        let value = self.read(bar_register(index));
        u64::from(if value & 1 == 1 { value & !3 } else { value & !15 })
    }

    /// What BAR `index` reads as after all ones were written to it. The BAR gets its value back.
    pub fn probe_bar(self, index: usize) -> u32 {
        let register = bar_register(index);
        let before = self.read(register);
        self.write(register, 0xffff_ffff);
        let mask = self.read(register);
        self.write(register, before);
        mask
    }

    /// Moves BAR `index` to `address`.
    pub fn move_bar(self, index: usize, address: u64) {
        self.write(bar_register(index), address as u32);
    }

    /// The I/O APIC pin of INTA, as firmware left it in the interrupt line register.
    pub fn interrupt_pin(self) -> u8 {
        self.read(INTERRUPT) as u8
    }

    /// Where the first capability `id` at or after offset `from` lies; `from` 0 starts at the head.
    pub fn capability(self, id: u8, from: u8) -> Option<u8> {
        let mut at = if from == 0 { self.read(CAPABILITIES) as u8 } else { from };
        while at != 0 {
            let header = self.read(at);
            if header as u8 == id {
                return Some(at);
            }
            at = (header >> 8) as u8;
        }
        None
    }
}

fn bar_register(index: usize) -> u8 {
    0x10 + 4 * index as u8
}
