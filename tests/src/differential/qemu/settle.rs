//! Waits for QEMU to have done what it does in its own time, and undoes what a reset leaves.

use vm_memory::{Bytes as _, GuestAddress};

use super::{MEMORY_BAR, Qemu};

/// A ring of one descriptor: the NIC's, the last, a whole frame of 60 bytes. Beyond what scripts
/// use.
const OTHER_RING: u64 = 0xe0_0000;
const OTHER_DESCRIPTOR: [u32; 4] = [0xf000_003c, 0, OTHER_RING as u32, 0];
/// Turns of the event loop within which a frame is read that is ever read.
const TURNS: usize = 4;

impl Qemu {
    /// Lets QEMU's event loop come round.
    fn turn(&mut self) -> anyhow::Result<()> {
        self.qtest.queue("inl 0xcfc");
        self.qtest.answers().map(drop)
    }

    /// Lets frames arrive that are on the wire, as far as the NIC takes them.
    pub(super) fn arrivals(&mut self) -> anyhow::Result<()> {
        loop {
            let mut turns = 0;
            while self.wire.unread()? && turns < TURNS {
                self.turn()?;
                turns += 1;
            }
            // A frame that was read is with the NIC once the loop has come round again.
            if !self.wire.send()? {
                return self.turn();
            }
        }
    }

    /// Undoes what a reset of the machine leaves as it is.
    pub(super) fn forget(&mut self) -> anyhow::Result<()> {
        self.wire.clear();
        // A whole frame in C+ mode clears out what a broken one left.
        let bytes: Vec<u8> = OTHER_DESCRIPTOR.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.memory.ram().write_slice(&bytes, GuestAddress(OTHER_RING))?;
        for (width, offset, value) in [
            ('b', 0x37, 4),
            ('w', 0xe0, 1),
            ('l', 0x20, OTHER_RING as u32),
            ('l', 0x24, 0),
            ('b', 0xd9, 0x40),
            // With the receiver off, a CAPR write drops frames that found no room.
            ('b', 0x37, 0),
            ('w', 0x38, 0),
            // MAR, TSAD, RCR, MPC, MULINT, ETThR.
            ('l', 0x08, 0),
            ('l', 0x0c, 0),
            ('l', 0x20, 0),
            ('l', 0x28, 0),
            ('l', 0x2c, 0),
            ('l', 0x44, 0),
            ('l', 0x4c, 0),
            ('w', 0x5c, 0),
            ('b', 0xec, 0),
            // Config4 is locked.
            ('b', 0x50, 0xc0),
            ('b', 0x5a, 0),
        ] {
            self.queue_write(width, offset, value);
        }
        self.queue_eeprom_read();
        self.qtest.answers()?;
        self.arrivals()
    }

    /// Reads a word of zeros from the EEPROM, so that its output is low.
    fn queue_eeprom_read(&mut self) {
        const PROGRAM: u32 = 0x80;
        const SELECT: u32 = 0x08;
        const CLOCK: u32 = 0x04;
        const DATA: u32 = 0x02;
        // Start bit, read, address 32; then sixteen bits.
        let bits = 0b1_1010_0000_u32 << 16;
        let levels = (0..25).rev().map(|bit| if bits >> bit & 1 != 0 { DATA } else { 0 });
        let clocked = levels.flat_map(|data| [SELECT | data, SELECT | CLOCK | data]);
        for wires in [0, SELECT].into_iter().chain(clocked).chain([0]) {
            self.queue_write('b', 0x50, PROGRAM | wires);
        }
        self.queue_write('b', 0x50, 0);
    }

    fn queue_write(&mut self, width: char, offset: u64, value: u32) {
        self.qtest.queue(format_args!("write{width} {:#x} {value:#x}", MEMORY_BAR + offset));
    }
}
