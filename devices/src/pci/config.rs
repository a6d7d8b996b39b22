//! Configuration space of one function: a type 0 header, six BARs, capabilities.
//!
//! Declared as bytes and a mask of writable bits; one mechanism serves every access width.

use crate::bus::Action;

/// Bytes of configuration space.
pub const SIZE: usize = 256;
/// Number of BARs of a type 0 header.
pub const BARS: usize = 6;

const COMMAND: usize = 0x04;
const STATUS: usize = 0x06;
const REVISION: usize = 0x08;
const HEADER_TYPE: usize = 0x0e;
const BAR0: usize = 0x10;
const SUBSYSTEM: usize = 0x2c;
const CAPABILITIES: usize = 0x34;
const INTERRUPT_LINE: usize = 0x3c;
const INTERRUPT_PIN: usize = 0x3d;
const FIRST_CAPABILITY: usize = 0x40;

/// Command bit 0: I/O BARs decode.
pub const COMMAND_IO: u16 = 1 << 0;
/// Command bit 1: memory BARs decode.
pub const COMMAND_MEMORY: u16 = 1 << 1;
/// Command bit 2: the function may do DMA.
pub const COMMAND_MASTER: u16 = 1 << 2;
/// Command bit 10: the function may not assert INTx.
pub const COMMAND_NO_INTX: u16 = 1 << 10;
/// Writable command bits: I/O, memory, master, MWI, parity, SERR, INTx disable.
const COMMAND_WRITABLE: u16 = 0x0557;
const STATUS_INTX: u16 = 1 << 3;
const STATUS_CAPABILITIES: u16 = 1 << 4;

/// What a BAR decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// I/O ports.
    Io,
    /// Memory below 4 GiB.
    Memory32,
    /// Memory anywhere; takes two BAR slots.
    Memory64,
}

/// One declared BAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What it decodes.
    pub kind: BarKind,
    /// Its length: a power of two, at least 4 for ports and 16 for memory.
    pub size: u64,
}

/// Identity of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Vendor ID.
    pub vendor: u16,
    /// Device ID.
    pub device: u16,
    /// Class, subclass, programming interface.
    pub class: [u8; 3],
    /// Revision.
    pub revision: u8,
    /// Subsystem vendor ID.
    pub subsystem_vendor: u16,
    /// Subsystem ID.
    pub subsystem: u16,
}

/// Configuration space.
#[derive(Clone, Debug)]
pub struct Configuration {
    bytes: [u8; SIZE],
    writable: [u8; SIZE],
    reset: [u8; SIZE],
    bars: [Option<Bar>; BARS],
    last_capability: usize,
    next_free: usize,
}

impl Configuration {
    /// A function without BARs, interrupt or capabilities.
    pub fn new(identity: Identity) -> Self {
        let mut new = Self {
            bytes: [0; SIZE],
            writable: [0; SIZE],
            reset: [0; SIZE],
            bars: [None; BARS],
            last_capability: 0,
            next_free: FIRST_CAPABILITY,
        };
        new.set_u16(0, identity.vendor);
        new.set_u16(2, identity.device);
        new.bytes[REVISION] = identity.revision;
        let [class, subclass, interface] = identity.class;
        new.bytes[REVISION + 1..REVISION + 4].copy_from_slice(&[interface, subclass, class]);
        new.set_u16(SUBSYSTEM, identity.subsystem_vendor);
        new.set_u16(SUBSYSTEM + 2, identity.subsystem);
        new.writable[COMMAND..COMMAND + 2].copy_from_slice(&COMMAND_WRITABLE.to_le_bytes());
        new.writable[0x0c] = 0xff;
        new.writable[0x0d] = 0xff;
        new.writable[INTERRUPT_LINE] = 0xff;
        new.bytes[HEADER_TYPE] = 0;
        new.reset = new.bytes;
        new
    }

    /// Declares BAR `index`.
    #[must_use]
    pub fn with_bar(mut self, index: usize, bar: Bar) -> Self {
        let at = BAR0 + 4 * index;
        let mask = !(bar.size - 1);
        let (flags, fixed) = match bar.kind {
            BarKind::Io => (1u8, 3u64),
            BarKind::Memory32 => (0, 15),
            BarKind::Memory64 => (4, 15),
        };
        self.bytes[at] = flags;
        self.writable[at..at + 4].copy_from_slice(&((mask & !fixed) as u32).to_le_bytes());
        if bar.kind == BarKind::Memory64 {
            self.writable[at + 4..at + 8].copy_from_slice(&((mask >> 32) as u32).to_le_bytes());
        }
        self.bars[index] = Some(bar);
        self.reset = self.bytes;
        self
    }

    /// Declares the interrupt pin: 1 is INTA.
    #[must_use]
    pub fn with_pin(mut self, pin: u8) -> Self {
        self.bytes[INTERRUPT_PIN] = pin;
        self.reset = self.bytes;
        self
    }

    /// Leaves room ahead of `offset`: capabilities that are added later start there at the least.
    pub fn leave_free_until(&mut self, offset: usize) {
        self.next_free = self.next_free.max(offset.next_multiple_of(4));
    }

    /// Appends a capability: `body` follows the ID and the link; `writable` masks the body.
    /// Returns its offset, or `None` if it does not fit.
    pub fn add_capability(&mut self, id: u8, body: &[u8], writable: &[u8]) -> Option<usize> {
        let at = self.next_free;
        let end = at + 2 + body.len();
        if end > SIZE || writable.len() > body.len() {
            return None;
        }
        self.bytes[at] = id;
        self.bytes[at + 2..end].copy_from_slice(body);
        self.writable[at + 2..at + 2 + writable.len()].copy_from_slice(writable);
        let link = if self.last_capability == 0 { CAPABILITIES } else { self.last_capability + 1 };
        self.bytes[link] = at as u8;
        self.last_capability = at;
        self.next_free = end.next_multiple_of(4);
        let status = self.u16(STATUS) | STATUS_CAPABILITIES;
        self.set_u16(STATUS, status);
        self.reset = self.bytes;
        Some(at)
    }

    /// Back to power-on state.
    pub fn reset(&mut self) {
        self.bytes = self.reset;
    }

    /// Reads; beyond the end reads as zero.
    pub fn read(&self, offset: usize, data: &mut [u8]) {
        for (index, byte) in data.iter_mut().enumerate() {
            *byte = self.bytes.get(offset + index).copied().unwrap_or(0);
        }
    }

    /// Writes the writable bits. Answers [`Action::LayoutChanged`] when a BAR or an enable bit
    /// of the command register changed.
    pub fn write(&mut self, offset: usize, data: &[u8]) -> Action {
        let before = (self.u16(COMMAND), self.bar_bytes());
        for (index, value) in data.iter().enumerate() {
            let at = offset + index;
            if let (Some(byte), Some(mask)) = (self.bytes.get_mut(at), self.writable.get(at)) {
                *byte = (*byte & !mask) | (value & mask);
            }
        }
        let decode = COMMAND_IO | COMMAND_MEMORY;
        let after = (self.u16(COMMAND), self.bar_bytes());
        if (before.0 ^ after.0) & decode != 0 || before.1 != after.1 {
            Action::LayoutChanged
        } else {
            Action::None
        }
    }

    fn bar_bytes(&self) -> [u8; 4 * BARS] {
        let mut bytes = [0; 4 * BARS];
        bytes.copy_from_slice(&self.bytes[BAR0..BAR0 + 4 * BARS]);
        bytes
    }

    /// The command register.
    pub fn command(&self) -> u16 {
        self.u16(COMMAND)
    }

    /// Whether the function may do DMA.
    pub fn bus_master(&self) -> bool {
        self.command() & COMMAND_MASTER != 0
    }

    /// Shows or hides a pending INTx in the status register.
    pub fn set_interrupt_status(&mut self, pending: bool) {
        let status = self.u16(STATUS) & !STATUS_INTX | if pending { STATUS_INTX } else { 0 };
        self.set_u16(STATUS, status);
    }

    /// Which BAR was declared at `index`.
    pub fn bar(&self, index: usize) -> Option<Bar> {
        self.bars.get(index).copied().flatten()
    }

    /// The address in BAR `index`, whether it decodes or not.
    pub fn bar_address(&self, index: usize) -> Option<u64> {
        let bar = self.bar(index)?;
        let at = BAR0 + 4 * index;
        let low = u64::from(self.u32(at));
        Some(match bar.kind {
            BarKind::Io => low & !3,
            BarKind::Memory32 => low & !15,
            BarKind::Memory64 => (low & !15) | u64::from(self.u32(at + 4)) << 32,
        })
    }

    /// Puts an address into BAR `index`, as firmware does before the guest starts.
    pub fn set_bar_address(&mut self, index: usize, address: u64) {
        let at = BAR0 + 4 * index;
        if let Some(bar) = self.bar(index) {
            let _ = self.write(at, &(address as u32).to_le_bytes());
            if bar.kind == BarKind::Memory64 {
                let _ = self.write(at + 4, &((address >> 32) as u32).to_le_bytes());
            }
        }
    }

    /// Where BAR `index` decodes now: `None` while its kind is disabled in the command register.
    pub fn decoded(&self, index: usize) -> Option<(Bar, u64)> {
        let bar = self.bar(index)?;
        let enable = if bar.kind == BarKind::Io { COMMAND_IO } else { COMMAND_MEMORY };
        let address = self.bar_address(index)?;
        (self.command() & enable != 0 && address != 0).then_some((bar, address))
    }

    /// The interrupt line register, as firmware sets it for drivers that read it.
    pub fn set_interrupt_line(&mut self, line: u8) {
        self.bytes[INTERRUPT_LINE] = line;
    }

    /// A 16-bit register.
    pub fn u16(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.bytes[offset], self.bytes[offset + 1]])
    }

    /// A 32-bit register.
    pub fn u32(&self, offset: usize) -> u32 {
        u32::from(self.u16(offset)) | u32::from(self.u16(offset + 2)) << 16
    }

    /// Sets a 16-bit register from the device's side.
    pub fn set_u16(&mut self, offset: usize, value: u16) {
        self.bytes[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
    }
}
