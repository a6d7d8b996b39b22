//! A synthetic guest: drives the NIC's registers and rings as 8139cp does.

use std::collections::VecDeque;

use super::registers::Reg;
use super::{Config, MEMORY_BAR, Rtl8139};
use crate::bus::Action;
use crate::ethernet::testing::memory;
use crate::memory::DmaMemory;
use crate::net::{Backend, Loop, Nic, Receipt, Transmit};
use crate::pci::Function;

pub const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
/// Where the receive ring lies; the transmit ring follows it, as in 8139cp.
pub const RX_RING: u64 = 0x1_0000;
pub const TX_RING: u64 = RX_RING + 1024;
pub const RX_BUFFERS: u64 = 0x2_0000;
pub const RX_BUFFER: u64 = 0x800;
/// Where frames to be sent are put, one behind the other.
pub const TX_BUFFERS: u64 = 0x8_0000;
const RING: u64 = 64;

/// Descriptor word 0.
pub const OWN: u32 = 1 << 31;
pub const EOR: u32 = 1 << 30;
pub const FS: u32 = 1 << 29;
pub const LS: u32 = 1 << 28;
pub const LGSEN: u32 = 1 << 27;

pub struct Guest {
    pub nic: Rtl8139,
    pub memory: DmaMemory,
    pub wire: Loop,
    next_tx: u64,
    next_buffer: u64,
}

impl Guest {
    /// A NIC as the machine leaves it, before any driver.
    pub fn powered_on(config: Config) -> Self {
        let memory = memory();
        memory.set_enabled(false);
        let nic = Rtl8139::new(config, memory.clone());
        Self { nic, memory, wire: Loop::default(), next_tx: 0, next_buffer: TX_BUFFERS }
    }

    /// A NIC whose driver has brought the interface up.
    pub fn up(config: Config) -> Self {
        let mut guest = Self::powered_on(config);
        let _ = guest.nic.write_config(4, &7u16.to_le_bytes());
        guest.probe();
        guest.open();
        guest
    }

    pub fn standard() -> Self {
        Self::up(Config::new(MAC))
    }

    /// A plain 8139 whose driver has brought the interface up, as 8139too does, with a receive
    /// ring of 8 KiB << `size`.
    pub fn c_mode(config: Config, size: u32) -> Self {
        let mut guest = Self::powered_on(config);
        let _ = guest.nic.write_config(4, &7u16.to_le_bytes());
        let _ = guest.write(0x5b, 1, 0x52);
        let _ = guest.write(0x37, 1, 0x10);
        let _ = guest.write(0x50, 1, 0xc0);
        let _ = guest.write(0x00, 4, u32::from_le_bytes([MAC[0], MAC[1], MAC[2], MAC[3]]));
        let _ = guest.write(0x04, 4, u32::from_le_bytes([MAC[4], MAC[5], 0, 0]));
        let _ = guest.write(0x30, 4, RX_BUFFERS as u32);
        let _ = guest.write(0x37, 1, 0x0c);
        let _ = guest.write(0x44, 4, 0xe78e | size << 11);
        let _ = guest.write(0x40, 4, 0x0300_0680);
        let _ = guest.write(0x50, 1, 0);
        for slot in 0..4 {
            let _ = guest.write(0x20 + 4 * slot, 4, (TX_BUFFERS + 0x2000 * slot) as u32);
        }
        let _ = guest.write(0x08, 4, u32::MAX);
        let _ = guest.write(0x0c, 4, u32::MAX);
        let _ = guest.write(0x3c, 2, 0xc07f);
        guest
    }

    /// Puts `frame` where C mode descriptor `slot` points, and hands it over.
    pub fn hand_over(&mut self, slot: u64, frame: &[u8]) {
        self.memory.write(TX_BUFFERS + 0x2000 * slot, frame).unwrap();
        let _ = self.write(0x10 + 4 * slot, 4, 0x0008_0000 | frame.len() as u32);
    }

    /// What reached the wire since the last call.
    pub fn sent(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.wire.sent).into_iter().map(|(bytes, _)| bytes).collect()
    }

    /// `length` bytes of the C mode receive ring, from `at`.
    pub fn ring(&self, at: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.memory.read(RX_BUFFERS + at, &mut bytes).unwrap();
        bytes
    }

    pub fn read(&mut self, offset: u64, width: usize) -> u32 {
        let mut data = [0; 4];
        self.nic.read_bar(MEMORY_BAR, offset, &mut data[..width]);
        u32::from_le_bytes(data)
    }

    pub fn write(&mut self, offset: u64, width: usize, value: u32) -> Action {
        self.nic.write_bar(MEMORY_BAR, offset, &value.to_le_bytes()[..width])
    }

    fn probe(&mut self) {
        let _ = self.write(0x3e, 2, 0xffff);
        let _ = self.write(0x3c, 2, 0);
        let _ = self.write(0x37, 1, 0);
        let _ = self.write(0xe0, 2, 0);
    }

    fn open(&mut self) {
        let _ = self.write(0x37, 1, 0x10);
        assert_eq!(self.read(0x37, 1) & 0x10, 0);
        for index in 0..RING {
            let end = if index == RING - 1 { EOR } else { 0 };
            self.put(RX_RING, index, OWN | end | RX_BUFFER as u32, rx_buffer(index));
            self.put(TX_RING, index, end, 0);
        }
        let _ = self.write(0x50, 1, 0xc0);
        let _ = self.write(0x00, 4, u32::from_le_bytes([MAC[0], MAC[1], MAC[2], MAC[3]]));
        let _ = self.write(0x04, 4, u32::from_le_bytes([MAC[4], MAC[5], 0, 0]));
        let _ = self.write(0xe0, 2, 0x2b);
        let _ = self.write(0x28, 4, 0);
        let _ = self.write(0x2c, 4, 0);
        let _ = self.write(0xe4, 4, RX_RING as u32);
        let _ = self.write(0xe8, 4, 0);
        let _ = self.write(0x20, 4, TX_RING as u32);
        let _ = self.write(0x24, 4, 0);
        let _ = self.write(0x37, 1, 0x0c);
        let _ = self.write(0xec, 1, 6);
        // AB, AM and APM.
        let _ = self.write(0x44, 4, 0xa400 | 0x0e);
        let _ = self.write(0x08, 4, u32::MAX);
        let _ = self.write(0x0c, 4, u32::MAX);
        let _ = self.write(0x40, 4, 0x0300_0600);
        let _ = self.write(0x52, 1, self.nic.registers.get(Reg::Config1) | 0x21);
        let _ = self.write(0x59, 1, 0x40);
        let _ = self.write(0xd8, 1, 0);
        let _ = self.write(0x5c, 2, 0);
        let _ = self.write(0x50, 1, 0);
        let _ = self.write(0x3c, 2, 0x80ff);
    }

    /// Writes a descriptor.
    pub fn put(&mut self, ring: u64, index: u64, command: u32, buffer: u64) {
        let at = ring + 16 * index;
        self.memory.write(at + 4, &0u32.to_le_bytes()).unwrap();
        self.memory.write(at + 8, &buffer.to_le_bytes()).unwrap();
        self.memory.write_u32(at, command).unwrap();
    }

    /// Word `word` of a descriptor.
    pub fn word(&self, ring: u64, index: u64, word: u64) -> u32 {
        self.memory.read_u32(ring + 16 * index + 4 * word).unwrap()
    }

    /// Queues `frame` in `pieces` descriptors that all carry `command`; the first one changes hands
    /// last. Returns the index of the last one.
    pub fn queue(&mut self, frame: &[u8], pieces: usize, command: u32) -> u64 {
        let first = self.next_tx;
        let mut words = VecDeque::new();
        let size = frame.len().div_ceil(pieces).max(1);
        let count = frame.len().div_ceil(size).max(1) as u64;
        for (number, index) in (first..first + count).enumerate() {
            let piece = frame.chunks(size).nth(number).unwrap_or_default();
            self.memory.write(self.next_buffer, piece).unwrap();
            let at = index % RING;
            let mut word = OWN | command | piece.len() as u32;
            word |= if number == 0 { FS } else { 0 };
            word |= if index + 1 == first + count { LS } else { 0 };
            word |= if at == RING - 1 { EOR } else { 0 };
            words.push_front((at, word, self.next_buffer));
            self.next_buffer += size as u64 + 5;
        }
        for (index, word, buffer) in words {
            self.put(TX_RING, index, word, buffer);
        }
        self.next_tx = (first + count) % RING;
        (first + count - 1) % RING
    }

    /// Rings the doorbell by a write that was not caught on the way, and works until idle.
    pub fn doorbell(&mut self) {
        assert_eq!(self.write(0xd9, 1, 0x40), Action::Service);
        self.work();
    }

    /// What the worker does until there is nothing left to send.
    pub fn work(&mut self) {
        while self.nic.transmit(&mut self.wire) == Transmit::More {}
        self.nic.flush();
    }

    /// Queues one frame in one descriptor, rings, and returns what reached the wire.
    pub fn send(&mut self, frame: &[u8], command: u32) -> Vec<Vec<u8>> {
        self.queue(frame, 1, command);
        self.next_buffer = TX_BUFFERS;
        self.doorbell();
        std::mem::take(&mut self.wire.sent).into_iter().map(|(bytes, _)| bytes).collect()
    }

    /// Offers frames as the worker does; those that found no room stay on the wire.
    pub fn arrive(&mut self, frames: impl IntoIterator<Item = Vec<u8>>) {
        self.wire.incoming.extend(frames);
        while let Some((frame, metadata)) = self.wire.peek() {
            if self.nic.receive(frame, metadata) == Receipt::NoRoom {
                break;
            }
            self.wire.consume();
        }
        self.nic.flush();
    }

    /// What the receive buffer of descriptor `index` holds.
    pub fn received(&self, index: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.memory.read(rx_buffer(index), &mut bytes).unwrap();
        bytes
    }

    /// Reads the interrupt status and acknowledges it.
    pub fn acknowledge(&mut self) -> u32 {
        let status = self.read(0x3e, 2);
        let _ = self.write(0x3e, 2, status);
        status
    }
}

pub fn rx_buffer(index: u64) -> u64 {
    RX_BUFFERS + index * RX_BUFFER
}
