//! What Linux's drivers do, in one step each.

use devices::rtl8139::MEMORY_BAR;

use super::MAC;
use super::card::Card;

/// The transmit ring of C+ mode.
pub const TX_RING: u64 = 0x1_0000;
/// The high-priority transmit ring.
pub const HIGH_RING: u64 = 0x1_0400;
/// The receive ring of C+ mode.
pub const RX_RING: u64 = 0x1_0800;
/// The receive ring of C mode.
pub const C_RING: u64 = 0x2_0000;
/// Receive buffers of C+ mode.
pub const RX_BUFFERS: u64 = 0x4_0000;
/// Where frames that are to be sent lie.
pub const TX_BUFFERS: u64 = 0x8_0000;
/// Descriptors of a ring.
pub const RING: u64 = 64;

const OWN: u32 = 1 << 31;
const EOR: u32 = 1 << 30;
const RX_BUFFER: u64 = 0x600;

impl Card {
    /// Brings the NIC up as 8139cp does, with CPCR as given.
    pub fn open_cplus(&mut self, cpcr: u16, rcr: u32, tcr: u32) {
        self.set(0x37, 1, 0x10);
        for index in 0..RING {
            let end = if index == RING - 1 { EOR } else { 0 };
            let buffer = (RX_BUFFERS + index * RX_BUFFER) as u32;
            self.descriptor(RX_RING, index, [OWN | end | RX_BUFFER as u32, 0, buffer, 0]);
            self.descriptor(TX_RING, index, [end, 0, 0, 0]);
        }
        self.identify();
        self.set(0xe0, 2, cpcr.into());
        for (offset, ring) in [(0x20, TX_RING), (0x28, HIGH_RING), (0xe4, RX_RING)] {
            self.set(offset, 4, ring as u32);
            self.set(offset + 4, 4, 0);
        }
        self.set(0x37, 1, 0x0c);
        self.enable(rcr, tcr, 0x80ff);
    }

    /// Brings the NIC up as 8139too does.
    pub fn open_c(&mut self, rcr: u32, tcr: u32) {
        self.set(0x5b, 1, 0x52);
        self.set(0x37, 1, 0x10);
        self.identify();
        self.set(0x30, 4, C_RING as u32);
        self.set(0x37, 1, 0x0c);
        for slot in 0..4 {
            self.set(0x20 + 4 * slot, 4, (TX_BUFFERS + 0x2000 * slot) as u32);
        }
        self.enable(rcr, tcr, 0xc07f);
    }

    fn identify(&mut self) {
        let [a, b, c, d, e, f] = MAC;
        self.set(0x50, 1, 0xc0);
        self.set(0x00, 4, u32::from_le_bytes([a, b, c, d]));
        self.set(0x04, 4, u32::from_le_bytes([e, f, 0, 0]));
    }

    fn enable(&mut self, rcr: u32, tcr: u32, imr: u32) {
        self.set(0x44, 4, rcr);
        self.set(0x40, 4, tcr);
        self.set(0x50, 1, 0);
        self.set(0x3c, 2, imr);
    }

    /// Writes a descriptor.
    pub fn descriptor(&mut self, ring: u64, index: u64, words: [u32; 4]) {
        let at = ring + 16 * (index % RING);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.store(at, &bytes);
    }

    /// Hands over C mode descriptor `slot`.
    pub fn hand_over(&mut self, slot: u8, status: u32) {
        self.set(0x10 + 4 * u64::from(slot % 4), 4, status);
    }

    /// Clocks `count` bits of `bits` into the EEPROM, the highest first.
    pub fn clock_eeprom(&mut self, bits: u32, count: u8) {
        self.set(0x50, 1, 0x80);
        self.set(0x50, 1, 0x88);
        for bit in (0..u32::from(count % 32)).rev() {
            let data = (bits >> bit & 1) << 1;
            self.set(0x50, 1, 0x88 | data);
            self.set(0x50, 1, 0x8c | data);
        }
    }

    /// Acknowledges every interrupt, as a handler does.
    pub fn acknowledge(&mut self) {
        let mut status = [0; 2];
        self.read(MEMORY_BAR, 0x3e, &mut status);
        self.write(MEMORY_BAR, 0x3e, &status);
    }

    /// Tells that the C mode ring was read up to what was written.
    pub fn consume(&mut self) {
        let mut written = [0; 2];
        self.read(MEMORY_BAR, 0x3a, &mut written);
        let capr = u16::from_le_bytes(written).wrapping_sub(16);
        self.write(MEMORY_BAR, 0x38, &capr.to_le_bytes());
    }
}
