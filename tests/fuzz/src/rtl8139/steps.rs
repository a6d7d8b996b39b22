//! The steps of a story, by number: the table that inputs are written in.

use devices::net::{Gso, GsoKind, Metadata, Nic, Offloads};
use devices::pci::Function;

use super::MAC;
use super::card::{Card, RAM};
use super::guest::{HIGH_RING, RX_BUFFERS, RX_RING, TX_BUFFERS, TX_RING};
use crate::Input;

const OWN: u32 = 1 << 31;
/// Registers worth a step of their own, and their widths.
const REGISTERS: [(u64, usize); 46] = [
    (0x00, 4),
    (0x04, 4),
    (0x08, 4),
    (0x0c, 4),
    (0x10, 4),
    (0x14, 4),
    (0x18, 4),
    (0x1c, 4),
    (0x20, 4),
    (0x24, 4),
    (0x28, 4),
    (0x2c, 4),
    (0x30, 4),
    (0x37, 1),
    (0x38, 2),
    (0x3c, 2),
    (0x3e, 2),
    (0x40, 4),
    (0x44, 4),
    (0x48, 4),
    (0x4c, 4),
    (0x50, 1),
    (0x51, 1),
    (0x52, 1),
    (0x54, 4),
    (0x58, 1),
    (0x59, 1),
    (0x5a, 1),
    (0x5b, 1),
    (0x5c, 2),
    (0x62, 2),
    (0x64, 2),
    (0x66, 2),
    (0x68, 2),
    (0x6a, 2),
    (0x74, 2),
    (0xd8, 1),
    (0xd9, 1),
    (0xe0, 2),
    (0xe2, 2),
    (0xe4, 4),
    (0xe8, 4),
    (0xec, 1),
    (0x60, 2),
    (0x3a, 2),
    (0x84, 4),
];
/// The most bytes of an incoming frame.
const LONGEST: u16 = 0x2800;

/// Does the next step of `input`; answers whether there was one.
pub fn step(card: &mut Card, input: &mut Input<'_>) -> bool {
    let Some(kind) = input.byte() else { return false };
    match kind % 28 {
        0..3 => {
            let (offset, width) = input.pick(&REGISTERS);
            card.set(offset, width, input.u32());
        }
        3 => {
            let (bar, width) = access(input);
            let offset = u64::from(input.byte().unwrap_or_default());
            let value = input.u64().to_le_bytes();
            card.write(bar, offset, &value[..width]);
        }
        4 => {
            let (bar, width) = access(input);
            let offset = u64::from(input.byte().unwrap_or_default());
            card.read(bar, offset, &mut [0; 8][..width]);
        }
        5 => {
            let address = u64::from(input.u32()) % RAM;
            let length = usize::from(input.byte().unwrap_or_default());
            let bytes = input.bytes(length);
            card.store(address, bytes);
        }
        6 | 7 => transmit_descriptor(card, input, TX_RING),
        8 => transmit_descriptor(card, input, HIGH_RING),
        9 => {
            let index = u64::from(input.byte().unwrap_or_default());
            let (word, tag, buffer) = (input.u32(), input.u32(), u64::from(input.u16()) << 2);
            card.descriptor(RX_RING, index, [word | OWN, tag, (RX_BUFFERS + buffer) as u32, 0]);
        }
        10..13 => {
            let frame = frame(input, LONGEST);
            card.wire.push(frame, Metadata::default());
            card.work();
        }
        13 => {
            let frame = frame(input, LONGEST);
            card.wire.push(frame, metadata(input));
            card.work();
        }
        14 | 15 => {
            // A frame to be sent, in one descriptor that asks for anything.
            let index = u64::from(input.byte().unwrap_or_default());
            let (command, tag) = (input.u32(), input.u32());
            let frame = frame(input, u16::MAX);
            card.store(TX_BUFFERS, &frame);
            let word = command & 0xffff_0000 | OWN | frame.len() as u32;
            card.descriptor(TX_RING, index, [word, tag, TX_BUFFERS as u32, 0]);
            card.set(0xd9, 1, 0x40);
        }
        16 => {
            let (slot, status) = (input.byte().unwrap_or_default(), input.u32());
            let frame = frame(input, 0x2000);
            card.store(TX_BUFFERS + 0x2000 * u64::from(slot % 4), &frame);
            card.hand_over(slot, status & 0xffff_0000 | frame.len() as u32);
        }
        17 => card.set(0xd9, 1, input.byte().unwrap_or_default().into()),
        18 => {
            card.nic.set_link(input.byte().unwrap_or_default() & 1 != 0);
        }
        19 => {
            let shift = input.byte().unwrap_or_default() % 24;
            card.pass(u64::from(input.u32()) << shift);
        }
        20 => card.wait(),
        21 => {
            let width = input.pick(&[1, 2, 4]);
            let offset = usize::from(input.byte().unwrap_or_default()) / width * width;
            let value = input.u32().to_le_bytes();
            let _ = card.nic.write_config(offset, &value[..width]);
            let mut back = [0; 4];
            card.nic.read_config(offset, &mut back[..width]);
        }
        22 => card.open_cplus(input.u16(), input.u32(), input.u32()),
        23 => card.open_c(input.u32(), input.u32()),
        24 => card.clock_eeprom(input.u32(), input.byte().unwrap_or_default()),
        25 => {
            card.acknowledge();
            card.consume();
        }
        26 => {
            let choice = input.byte().unwrap_or_default();
            card.wire.blocked = choice & 1 != 0;
            let [checksum, tso4, tso6] = [2, 4, 8].map(|bit| choice & bit != 0);
            card.wire.offloads = Offloads { checksum, tso4, tso6 };
            card.work();
        }
        _ => {
            if input.byte() == Some(0) {
                card.nic.reset();
            }
            card.work();
        }
    }
    true
}

fn access(input: &mut Input<'_>) -> (usize, usize) {
    let choice = input.byte().unwrap_or_default();
    (usize::from(choice >> 2 & 1), 1 << (choice & 3))
}

fn transmit_descriptor(card: &mut Card, input: &mut Input<'_>, ring: u64) {
    let index = u64::from(input.byte().unwrap_or_default());
    let (word, tag) = (input.u32(), input.u32());
    let address = TX_BUFFERS + u64::from(input.u16());
    card.descriptor(ring, index, [word | OWN, tag, address as u32, 0]);
}

/// A frame of up to `longest` bytes: to somebody, mostly IP, with fields that may lie.
fn frame(input: &mut Input<'_>, longest: u16) -> Vec<u8> {
    let length = usize::from(input.u16().min(longest));
    let shape = input.byte().unwrap_or_default();
    let mut frame = match shape % 4 {
        0 => MAC.to_vec(),
        1 => vec![0xff; 6],
        2 => vec![0x01, 0, 0x5e, 0, 0, input.byte().unwrap_or_default()],
        _ => input.bytes(6).to_vec(),
    };
    frame.extend([2, 0, 0, 0, 0, 9]);
    if shape & 4 != 0 {
        frame.extend([0x81, 0]);
        frame.extend(input.u16().to_be_bytes());
    }
    match shape >> 3 & 3 {
        0 => frame.extend([8, 6]),
        1 => {
            frame.extend([8, 0]);
            let headers = input.byte().unwrap_or_default();
            let (protocol, flags) = (input.pick(&[6, 6, 17, 1]), input.byte().unwrap_or_default());
            let stated = if headers & 0x80 == 0 {
                length.saturating_sub(frame.len()) as u16
            } else {
                input.u16()
            };
            frame.extend([0x45 ^ (headers & 0xf), 0]);
            frame.extend(stated.to_be_bytes());
            frame.extend([0, 1, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
            frame.extend([0, 80, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1]);
            frame.extend([0x50 ^ (headers & 0x70), flags, 1, 0, 0, 0, 0, 0]);
        }
        2 => {
            // What a magic packet has.
            frame.extend([8, 0x42]);
            frame.extend([0xff; 6]);
            frame.extend(MAC.repeat(16));
        }
        _ => {
            let count = usize::from(input.byte().unwrap_or_default());
            frame.extend(input.bytes(count));
        }
    }
    frame.resize(length, shape);
    frame
}

fn metadata(input: &mut Input<'_>) -> Metadata {
    let choice = input.byte().unwrap_or_default();
    let kind = if choice & 1 != 0 { GsoKind::Tcp4 } else { GsoKind::Tcp6 };
    let gso = Gso { kind, size: input.u16(), header_length: input.u16() };
    Metadata {
        partial_checksum: (choice & 2 != 0).then(|| (input.u16(), input.u16())),
        gso: (choice & 4 != 0).then_some(gso),
        verified: choice & 8 != 0,
    }
}
