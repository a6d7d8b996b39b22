//! The steps of a story, by number: the table that inputs are written in.

use devices::net::{Gso, GsoKind, Metadata, Offloads};
use devices::virtio::WOKEN;
use devices::virtio::vsock::Key;

use super::card::{BAR, Card, MSIX_BAR, RAM};
use crate::Input;

/// Registers of the common configuration.
mod register {
    pub const FEATURE_SELECT: u64 = 0x08;
    pub const FEATURES: u64 = 0x0c;
    pub const CONFIGURATION_VECTOR: u64 = 0x10;
    pub const STATUS: u64 = 0x14;
    pub const QUEUE_SELECT: u64 = 0x16;
    pub const QUEUE_SIZE: u64 = 0x18;
    pub const QUEUE_VECTOR: u64 = 0x1a;
    pub const QUEUE_ENABLE: u64 = 0x1c;
    pub const DESCRIPTORS: u64 = 0x20;
    pub const AVAILABLE: u64 = 0x28;
    pub const USED: u64 = 0x30;
    pub const QUEUE_RESET: u64 = 0x3a;
}

/// Where the rings of a queue lie, from the first one's on.
const RINGS: u64 = 0x1000;
const AVAILABLE: u64 = 0x400;
const USED: u64 = 0x800;
/// Where buffers lie.
const BUFFERS: u64 = 0x1_0000;
/// Bytes of configuration space.
const CONFIGURATION: usize = 256;
/// `VERSION_1` and the reset of single queues.
const WANTED: u64 = 1 << 32 | 1 << 40;
/// The MSI-X capability comes first.
const MSIX_CONTROL: usize = 0x42;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

/// Does the next step of `input`; answers whether there was one.
pub fn step(card: &mut Card, input: &mut Input<'_>) -> bool {
    let Some(kind) = input.byte() else { return false };
    match kind % 24 {
        0 => {
            let (offset, width) = (u64::from(input.u16() & 0x3fff), 1 << (kind >> 6));
            let value = input.u64().to_le_bytes();
            card.write(BAR, offset, &value[..width]);
        }
        1 => {
            let (offset, width) = (u64::from(input.u16() & 0x3fff), 1 << (kind >> 6));
            card.function.read_bar(BAR, offset, &mut [0; 8][..width]);
        }
        2 => {
            let offset = u64::from(input.byte().unwrap_or_default()) << 2;
            card.write(MSIX_BAR, offset, &input.u32().to_le_bytes());
            card.function.read_bar(MSIX_BAR, offset, &mut [0; 4]);
        }
        3 => {
            let width = input.pick(&[1, 2, 4]);
            let offset = usize::from(input.byte().unwrap_or_default()) / width * width;
            let value = input.u32().to_le_bytes();
            card.configure(offset % CONFIGURATION, &value[..width]);
            card.function.read_config(offset, &mut [0; 4][..width]);
        }
        4 | 5 => probe(card, input),
        6 | 7 => {
            let queue = queue(card, input);
            let index = u64::from(input.byte().unwrap_or_default());
            let at = ring(queue) + 16 * (index % 16);
            let near = BUFFERS + u64::from(input.u16());
            let (length, shape) = (input.u16(), input.byte().unwrap_or_default());
            let address = if shape & 0x80 == 0 { near } else { input.u64() };
            let flags = u16::from(shape & 7);
            let next = u16::from(input.byte().unwrap_or_default() % 17);
            card.store(at, &descriptor(address, length.into(), flags, next));
        }
        8..12 => {
            let queue = queue(card, input);
            request(card, input, queue);
            card.ring(queue.into());
        }
        12 => {
            let queue = queue(card, input);
            publish(card, queue, u16::from(input.byte().unwrap_or_default() % 20));
        }
        13 => {
            let queue = queue(card, input);
            card.store(ring(queue) + AVAILABLE + 2, &input.u16().to_le_bytes());
        }
        14 => {
            let address = u64::from(input.u32()) % RAM;
            let length = usize::from(input.byte().unwrap_or_default());
            let bytes = input.bytes(length);
            card.store(address, bytes);
        }
        15 => {
            let queue = queue(card, input);
            card.ring(queue.into());
        }
        16 | 17 => {
            card.work(input.byte().unwrap_or_default());
            card.ring(WOKEN);
        }
        18 => {
            let queue = queue(card, input);
            card.set(register::QUEUE_SELECT, 2, queue.into());
            card.set(register::QUEUE_RESET, 2, 1);
            lay_out(card, queue, input.byte().unwrap_or_default());
        }
        19 => arrive(card, input),
        20 => {
            let choice = input.byte().unwrap_or_default();
            card.wire.blocked = choice & 1 != 0;
            let [checksum, tso4, tso6] = [2, 4, 8].map(|bit| choice & bit != 0);
            card.wire.offloads = Offloads { checksum, tso4, tso6 };
            if let Some(nic) = card.function.as_nic() {
                nic.set_link(choice & 16 != 0);
            }
            card.serve();
        }
        21 => change_mood(card, input),
        22 => {
            // A layout of the driver's own invention.
            let (queue, register) = (queue(card, input), input.byte().unwrap_or_default());
            let places = [register::DESCRIPTORS, register::AVAILABLE, register::USED];
            card.set(register::QUEUE_SELECT, 2, queue.into());
            card.set(places[usize::from(register) % 3], 8, input.u64());
            card.set(register::QUEUE_SIZE, 2, input.u16().into());
            card.set(register::QUEUE_ENABLE, 2, 1);
        }
        _ => {
            if input.byte() == Some(0) {
                card.function.reset();
            }
            card.serve();
        }
    }
    true
}

fn queue(card: &Card, input: &mut Input<'_>) -> u16 {
    u16::from(input.byte().unwrap_or_default()) % (card.queues + 1)
}

fn ring(queue: u16) -> u64 {
    RINGS * (u64::from(queue) + 1)
}

fn descriptor(address: u64, length: u32, flags: u16, next: u16) -> [u8; 16] {
    let value = u128::from(address) | u128::from(length) << 64;
    (value | u128::from(flags) << 96 | u128::from(next) << 112).to_le_bytes()
}

/// Probes as a driver does, with the features that the input picks of what is offered.
fn probe(card: &mut Card, input: &mut Input<'_>) {
    let (features, shape) = (input.u64(), input.byte().unwrap_or_default());
    card.configure(4, &0x0406u16.to_le_bytes());
    let messages = if shape & 1 == 0 { 0x8000u16 } else { 0 };
    card.configure(MSIX_CONTROL, &messages.to_le_bytes());
    for vector in 0..8 {
        card.write(MSIX_BAR, 16 * vector + 12, &[0; 4]);
    }
    let mut offered = [0; 8];
    for select in 0..2 {
        card.set(0, 4, select);
        let half = 4 * select as usize;
        card.function.read_bar(BAR, 4, &mut offered[half..half + 4]);
    }
    let wanted = u64::from_le_bytes(offered) & features | WANTED;
    for status in [0, 1, 3] {
        card.set(register::STATUS, 1, status);
    }
    for select in 0..2 {
        card.set(register::FEATURE_SELECT, 4, select);
        card.set(register::FEATURES, 4, wanted >> (32 * select));
    }
    card.set(register::STATUS, 1, 0xb);
    for queue in 0..card.queues {
        lay_out(card, queue, shape);
    }
    card.set(register::CONFIGURATION_VECTOR, 2, 0);
    card.set(register::STATUS, 1, 0xf);
}

fn lay_out(card: &mut Card, queue: u16, shape: u8) {
    card.store(ring(queue), &[0; 0x1000]);
    card.set(register::QUEUE_SELECT, 2, queue.into());
    card.set(register::QUEUE_SIZE, 2, if shape & 2 == 0 { 16 } else { 8 });
    card.set(register::DESCRIPTORS, 8, ring(queue));
    card.set(register::AVAILABLE, 8, ring(queue) + AVAILABLE);
    card.set(register::USED, 8, ring(queue) + USED);
    card.set(register::QUEUE_VECTOR, 2, u64::from(queue) + 1);
    card.set(register::QUEUE_ENABLE, 2, 1);
}

/// Makes the chain at `head` available.
fn publish(card: &Card, queue: u16, head: u16) {
    let mut index = [0; 2];
    let at = ring(queue) + AVAILABLE;
    let _ = card.memory.read(at + 2, &mut index);
    let index = u16::from_le_bytes(index);
    card.store(at + 4 + 2 * u64::from(index % 16), &head.to_le_bytes());
    card.store(at + 2, &index.wrapping_add(1).to_le_bytes());
}

/// Offers a chain as drivers do: what the device reads, then room for what it writes.
fn request(card: &Card, input: &mut Input<'_>, queue: u16) {
    let shape = input.byte().unwrap_or_default();
    let (readable, writable) = (u64::from(shape & 3), u64::from(shape >> 2 & 3));
    let first = u64::from(input.byte().unwrap_or_default() % 8);
    let table = if shape & 0x80 == 0 { ring(queue) + 16 * first } else { BUFFERS + 0x8000 };
    let base = if shape & 0x80 == 0 { first as u16 } else { 0 };
    let mut chain = Vec::new();
    for index in 0..readable {
        let address = BUFFERS + 0x2000 * index;
        let (length, stated) = (usize::from(input.byte().unwrap_or_default()), input.u16());
        let bytes = input.bytes(length);
        card.store(address, bytes);
        let length = if shape & 0x40 == 0 { bytes.len() as u32 } else { stated.into() };
        chain.push((address, length, 0));
    }
    for index in 0..writable {
        chain.push((BUFFERS + 0xa000 + 0x1000 * index, input.u16().into(), WRITE));
    }
    let count = chain.len();
    for (index, (address, length, flags)) in chain.into_iter().enumerate() {
        let next = if index + 1 < count { NEXT } else { 0 };
        let bytes = descriptor(address, length, flags | next, base + index as u16 + 1);
        card.store(table + 16 * index as u64, &bytes);
    }
    if shape & 0x80 != 0 {
        let indirect = descriptor(table, 16 * count as u32, INDIRECT, 0);
        card.store(ring(queue) + 16 * first, &indirect);
    }
    publish(card, queue, first as u16);
}

/// A frame comes in by a NIC's wire.
fn arrive(card: &mut Card, input: &mut Input<'_>) {
    let (choice, length) = (input.byte().unwrap_or_default(), usize::from(input.u16()));
    let kind = if choice & 1 != 0 { GsoKind::Tcp4 } else { GsoKind::Tcp6 };
    let gso = Gso { kind, size: input.u16(), header_length: input.u16() };
    let metadata = Metadata {
        partial_checksum: (choice & 2 != 0).then(|| (input.u16(), input.u16())),
        gso: (choice & 4 != 0).then_some(gso),
        verified: choice & 8 != 0,
    };
    let mut frame = input.bytes(usize::from(choice >> 4) * 8).to_vec();
    frame.resize(length, choice);
    card.wire.push(frame, metadata);
    card.serve();
}

/// The host's end of ports and streams changes its mind, and rings.
fn change_mood(card: &mut Card, input: &mut Input<'_>) {
    let choice = input.byte().unwrap_or_default();
    let (gives, takes) = (input.u16(), input.u16());
    {
        let mut mood = card.host.mood();
        (mood.gives, mood.takes) = (gives.into(), usize::from(takes) << 2);
        [mood.ends, mood.fails, mood.refuses] = [1, 2, 4].map(|bit| choice & bit != 0);
    }
    let host = u32::from(input.byte().unwrap_or_default());
    let key = Key { guest: u32::from(input.byte().unwrap_or_default()), host };
    if choice & 8 != 0 {
        card.host.note(key, choice & 16 != 0);
    }
    card.ring(u32::from(choice >> 5));
}
