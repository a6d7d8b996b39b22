//! Virtio devices under a driver that does anything: net, blk, console, rng, vsock and 9P.
//!
//! The first byte picks the device. Each step that follows is a byte for its kind and bytes for
//! what it needs ([`steps`]): accesses to registers and to configuration space, writes to guest
//! memory, descriptors as they come, chains as drivers make them, kicks, queues taken back, and
//! news of the device's other side ([`host`]). One kind probes the device as a driver does, so that
//! its queues are a byte away. After each step must hold:
//!
//! - nothing panicked, and arithmetic did not overflow;
//! - the line and the PCI status register say the same;
//! - a message leaves only while its vector is programmed;
//! - work that stopped at a cap is done after a bounded number of rounds;
//! - what waits on the host's side is no more than the queues can hold;
//! - all bytes of a frame on the wire can be had.

mod card;
mod host;
mod steps;

use crate::Input;
use card::Card;

/// Steps after which a story ends.
const STEPS: usize = 300;

/// Lives through the story in `data`.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(choice) = input.byte() else { return };
    let mut card = Card::new(choice);
    for _ in 0..STEPS {
        if !steps::step(&mut card, &mut input) {
            return;
        }
        card.check();
    }
}
