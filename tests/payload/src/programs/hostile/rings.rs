//! DMA: rings and what devices are told of them.

use super::{SCRATCH, SCRATCH_LENGTH, address};
use crate::contract::{FIRST_VECTOR, VECTORS};
use crate::dice::Dice;
use crate::msix::Table;
use crate::pci::{self, Function};
use crate::{apic, io};

const RTL8139: u32 = 0x8139_10ec;
const VIRTIO: u32 = 0x1af4;
/// The BAR of a virtio device's structures in this machine, and where they lie behind it.
const STRUCTURES: usize = 4;
const DOORBELLS: u64 = 0x3000;
/// The BAR of an RTL8139's registers in memory.
const REGISTERS: usize = 1;
const POLL: u64 = 0xd9;
/// Doorbells rung in a storm.
const STORM: u64 = 2000;
/// Descriptors made at a time.
const DESCRIPTORS: u64 = 64;

fn is_virtio(function: Function) -> bool {
    function.read(pci::IDENTITY) & 0xffff == VIRTIO
}

/// Fills scratch memory: with noise, with words that are often flags, and with descriptors.
pub fn rubbish(dice: &mut Dice) {
    for _ in 0..1000 {
        let at = SCRATCH + dice.below(SCRATCH_LENGTH - 8);
        io::write(at & !7, dice.roll() >> dice.pick(&[0, 16, 48, 60]));
    }
}

/// Sets the function up as a driver does, but for where it has its rings and what is in them.
pub fn drive(function: Function, dice: &mut Dice) {
    function.set_command(pci::COMMAND_IO | pci::COMMAND_MEMORY | pci::COMMAND_MASTER);
    if function.read(pci::IDENTITY) == RTL8139 {
        drive_rtl8139(function.bar(REGISTERS), dice);
    } else if is_virtio(function) {
        let vector = FIRST_VECTOR + dice.below(VECTORS as u64) as u8;
        if dice.once_in(2) && function.capability(0x11, 0).is_some() {
            Table::enable(function).route(dice.below(3), vector);
        }
        drive_virtio(function.bar(STRUCTURES), dice);
    }
    apic::end_of_interrupt();
}

/// Whether registers lie where they can be reached without harm to this guest.
fn in_window(base: u64) -> bool {
    (0xc000_0000..0xfec0_0000).contains(&base)
}

fn drive_rtl8139(base: u64, dice: &mut Dice) {
    if !in_window(base) {
        return;
    }
    let (transmit, receive) = (address(dice) & !0xff, address(dice) & !0xff);
    for ring in [transmit, receive] {
        for index in 0..DESCRIPTORS {
            let at = ring.wrapping_add(16 * index);
            if (SCRATCH..SCRATCH + SCRATCH_LENGTH - 16).contains(&at) {
                let own = dice.roll() as u32 | 1 << 31;
                io::write(at, if index + 1 == DESCRIPTORS { own | 1 << 30 } else { own });
                io::write(at + 4, dice.roll() as u32 >> dice.pick(&[0, 16]));
                io::write(at + 8, address(dice));
            }
        }
    }
    io::write(base + 0x50, 0xc0u8); // unlock the configuration
    io::write(base + 0xe0, dice.roll() as u16 & 0x7f); // C+ command
    for (register, ring) in [(0x20, transmit), (0x28, transmit), (0xe4, receive)] {
        io::write(base + register, ring as u32);
        io::write(base + register + 4, (ring >> 32) as u32 * u32::from(dice.once_in(4)));
    }
    for slot in 0..4 {
        let buffer = address(dice) as u32;
        io::write(base + 0x20 + 4 * slot, dice.pick(&[transmit as u32, buffer]));
    }
    io::write(base + 0x30, receive as u32);
    io::write(base + 0x37, dice.pick(&[0x0cu8, 0x0c, 0x08, 0x04, 0x10]));
    io::write(base + 0x44, dice.roll() as u32 | 0xf);
    io::write(base + 0x40, dice.roll() as u32 & 0x0f06_0770);
    io::write(base + 0x3c, dice.roll() as u16);
    for slot in 0..4 {
        io::write(base + 0x10 + 4 * slot, dice.below(0x2000) as u32);
    }
    io::write(base + POLL, 0x40u8);
}

fn drive_virtio(base: u64, dice: &mut Dice) {
    if !in_window(base) {
        return;
    }
    let set8 = |register: u64, value: u8| io::write(base + register, value);
    let set16 = |register: u64, value: u16| io::write(base + register, value);
    let set32 = |register: u64, value: u32| io::write(base + register, value);
    set8(0x14, 0);
    set8(0x14, 3);
    for half in 0..2u32 {
        set32(0x00, half);
        let offered: u32 = io::read(base + 0x04);
        set32(0x08, half);
        let version = half; // VERSION_1, in the second half
        set32(0x0c, offered & (dice.roll() as u32 | 0xff) | version);
    }
    set8(0x14, 0xb);
    for queue in 0..8u16 {
        set16(0x16, queue);
        let size: u16 = io::read(base + 0x18);
        if size == 0 || size == u16::MAX {
            break;
        }
        let rings = if dice.once_in(8) { address(dice) & !0xfff } else { lay_out(size, dice) };
        set16(0x1a, dice.pick(&[0, 1, 2, queue + 1, 0xffff]));
        for (register, offset) in [(0x20, 0), (0x28, 0x4000), (0x30, 0x6000)] {
            let ring = rings.wrapping_add(offset);
            set32(register, ring as u32);
            set32(register + 4, (ring >> 32) as u32);
        }
        set16(0x1c, 1);
    }
    set8(0x14, 0xf);
    for queue in 0..8 {
        set16(DOORBELLS + 4 * queue, queue as u16);
    }
}

/// Rings full of chains, a queue's worth of them available. Answers where they lie.
fn lay_out(size: u16, dice: &mut Dice) -> u64 {
    let base = (SCRATCH + dice.below(SCRATCH_LENGTH - 0x1_0000)) & !0xfff;
    let count = u64::from(size).min(DESCRIPTORS);
    for index in 0..count {
        let at = base + 16 * index;
        io::write(at, address(dice));
        io::write(at + 8, dice.roll() as u32 >> dice.pick(&[0, 16, 20, 24]));
        let kinds = dice.pick(&[2, 4, 8]);
        io::write(at + 12, dice.below(kinds) as u16);
        io::write(at + 14, dice.below(count + 1) as u16);
        io::write(base + 0x4000 + 4 + 2 * index, dice.below(count + 1) as u16);
    }
    io::write(base + 0x4000, dice.below(2) as u16);
    let noise = dice.roll() as u16;
    io::write(base + 0x4002, dice.pick(&[count as u16, 1, noise]));
    io::write(base + 0x6000, 0u32);
    base
}

/// Rings doorbells as fast as it goes.
pub fn storm(function: Function, dice: &mut Dice) {
    let (base, bell) = if is_virtio(function) {
        (function.bar(STRUCTURES), DOORBELLS + 4 * dice.below(8))
    } else {
        (function.bar(REGISTERS), POLL)
    };
    if in_window(base) {
        for _ in 0..STORM {
            io::write(base + bell, 0x40u8);
        }
    }
    apic::end_of_interrupt();
}
