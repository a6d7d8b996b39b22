//! Accesses of the CPU: to ports, memory, configuration spaces.

use super::{SCRATCH, SCRATCH_LENGTH, address};
use crate::dice::Dice;
use crate::io;
use crate::pci::{self, Function};

/// Ports that end the machine or this guest: the old interrupt controllers, whose vectors would
/// pass for exceptions, power, reset, panic. They do what they are for, too early.
const ENDS: [u16; 10] = [0x20, 0x21, 0xa0, 0xa1, 0x64, 0x92, 0x505, 0x604, 0x605, 0xcf9];
/// Registers of a function, up to the end of the largest BAR.
const REGISTERS: u64 = 0x4000;
/// Ports of the machine's own: serial ports, timers, configuration ports, keyboard controller, power.
const BUSY: [u64; 7] = [0x3f8, 0x2f8, 0x40, 0xcf8, 0x60, 0x600, 0x504];
/// What writes to interrupt controllers could do to this CPU: stop it for good.
const APICS: [core::ops::Range<u64>; 2] = [0xfec0_0000..0xfec0_1000, 0xfee0_0000..0xfee0_1000];

/// Where firmware put the BARs.
pub struct Bars([[u32; pci::BARS]; pci::SLOTS as usize]);

impl Bars {
    /// As they are now.
    pub fn of_firmware(functions: impl Iterator<Item = Function>) -> Self {
        let mut bars = [[0; pci::BARS]; pci::SLOTS as usize];
        for function in functions {
            bars[usize::from(function.slot())] =
                core::array::from_fn(|bar| function.bar(bar) as u32);
        }
        Self(bars)
    }

    /// Puts them there again, and has every function decode and do DMA.
    pub fn restore(&self, functions: impl Iterator<Item = Function>) {
        for function in functions {
            for bar in 0..pci::BARS {
                let place = self.0[usize::from(function.slot())][bar];
                function.move_bar(bar, place.into());
            }
            let all = pci::COMMAND_IO | pci::COMMAND_MEMORY | pci::COMMAND_MASTER;
            function.set_command(all);
        }
    }
}

/// Reads and writes a port.
pub fn port(dice: &mut Dice) {
    let near = dice.pick(&BUSY) as u16 + dice.below(8) as u16;
    let port = match dice.below(3) {
        0 => dice.below(0x1_0000) as u16,
        1 => 0xc000 + dice.below(0x400) as u16,
        _ => near,
    };
    if (0..4).any(|at| ENDS.contains(&port.wrapping_add(at))) {
        return;
    }
    let value = dice.roll();
    match dice.below(8) {
        0 | 1 => io::out8(port, value as u8),
        2 => io::out16(port, value as u16),
        3 if !(0x600..0x608).contains(&port) => io::out32(port, value as u32),
        4 => io::in8_string(port, &mut [0; 64]),
        5 if !(0x600..0x608).contains(&port) => io::out16_string(port, &[value as u16; 32]),
        6 => _ = io::in32(port),
        _ => _ = io::in8(port),
    }
}

/// Reads and writes an address that is no RAM.
pub fn memory(dice: &mut Dice) {
    let address = match address(dice) {
        address if (0xc000_0000..0xffff_fff0).contains(&address) => address,
        _ => 0xc000_0000 + dice.below(0x3000_0000),
    };
    if !APICS.iter().any(|range| range.contains(&address)) || dice.once_in(1000) {
        access(address, dice);
    }
}

/// Reads and writes what a BAR of the function shows, or what lies where it says it is.
pub fn register(function: Function, dice: &mut Dice) {
    let bar = dice.below(pci::BARS as u64) as usize;
    let at = function.bar(bar) + dice.below(REGISTERS) / dice.pick(&[1, 16, 256, 4096]);
    match at {
        0xc000_0000..0xfec0_0000 => access(at, dice),
        0x1000..0xffff => {
            let value = dice.roll();
            match dice.below(4) {
                0 => io::out8(at as u16, value as u8),
                1 => io::out32(at as u16, value as u32),
                _ => _ = io::in32(at as u16),
            }
        }
        _ => {}
    }
}

fn access(address: u64, dice: &mut Dice) {
    let value = dice.roll() >> dice.pick(&[0, 32, 48, 60]);
    match dice.below(8) {
        0 => io::write(address, value as u8),
        1 => io::write(address & !1, value as u16),
        2 | 3 => io::write(address & !3, value as u32),
        4 => io::write(address & !7, value),
        5 => _ = io::read::<u8>(address),
        6 => _ = io::read::<u32>(address & !3),
        _ => _ = io::read::<u64>(address & !7),
    }
}

/// Reads and writes a register of configuration space, by which others may be reached.
pub fn configuration(function: Function, dice: &mut Dice) {
    let register = dice.below(256) as u8;
    let (noise, bit) = (dice.roll() as u32, 1 << dice.below(32));
    let value = dice.pick(&[noise, 0, u32::MAX, bit]);
    match dice.below(4) {
        0 => function.set_command(value as u16),
        1 | 2 => function.write(register, value),
        _ => _ = function.read(register),
    }
}

/// Puts a BAR over RAM, over others, over the machine's own registers, or out of the way.
pub fn move_bar(function: Function, dice: &mut Dice) {
    let place = match dice.below(8) {
        0 => dice.below(16 << 20), // RAM
        1 => SCRATCH + SCRATCH_LENGTH - 0x1000,
        2 => dice.pick(&[0xfec0_0000, 0xfee0_0000, 0xfffb_c000, 0xffff_f000]),
        3 => dice.pick(&BUSY),
        4 => u64::from(u32::MAX),
        5 => 0xc000 + dice.below(0x400),
        _ => 0xc000_0000 + dice.below(0x2_0000),
    };
    function.move_bar(dice.below(pci::BARS as u64) as usize, place);
    function.set_command(dice.pick(&[7, 7, 7, 3, 2, 1, 0]));
}
