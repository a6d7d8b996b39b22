//! The RTL8139 under a guest and a wire that do anything.
//!
//! The first byte picks a chip and what it gets wrong. Each step that follows is a byte for its
//! kind and bytes for what it needs ([`steps`]): accesses to registers and to configuration space,
//! writes to guest memory, descriptors, frames on the wire, time. Two kinds bring the NIC up as a
//! driver does, so that the engines are a byte away. After each step must hold:
//!
//! - nothing panicked, and arithmetic did not overflow;
//! - the line, the PCI status register and ISR & IMR say the same;
//! - the page that a guest reads without leaving shows what a read gives;
//! - whatever is due next is later than now, so that nobody waits for it in circles;
//! - no frame on the wire is longer than frames can be, and all of its bytes can be had.

mod card;
mod guest;
mod steps;

use devices::rtl8139::{Chip, Config, Overrun, Quirks, Tso};

use crate::Input;
use card::Card;

/// Steps after which a story ends.
const STEPS: usize = 400;
/// Frames sent after which a story ends.
const FRAMES: u64 = 20_000;
/// The NIC's address.
const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];

/// A NIC to be tried.
fn config(choice: u8) -> Config {
    let new = Config::new(MAC);
    match choice % 8 {
        0 => Config { chip: Chip::Rtl8139, ..new },
        1 => Config { tso: Tso::Mtu1500, ..new },
        2 => Config { overrun: Overrun::Drop, ..new },
        3 => Config { quirks: Quirks::QEMU_5_2, ..new },
        4 => Config { quirks: Quirks::QEMU_7_2, ..new },
        5 => Config { chip: Chip::Rtl8139, quirks: Quirks::QEMU_7_2, ..new },
        _ => new,
    }
}

/// Lives through the story in `data`.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(choice) = input.byte() else { return };
    let mut card = Card::new(config(choice));
    for _ in 0..STEPS {
        if !steps::step(&mut card, &mut input) || card.wire.frames > FRAMES {
            return;
        }
        card.check();
    }
}
