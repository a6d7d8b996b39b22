//! A driver of the RTL8139C+ in C+ mode, as 8139cp drives it.

use crate::pci::{self, Function};
use crate::time::wait_for;
use crate::{io, memory};

/// Interrupt status: a frame was received.
pub const RECEIVED: u16 = 1 << 0;
/// Interrupt status: frames were sent.
pub const SENT: u16 = 1 << 2;
/// Interrupt status: a frame found no room.
pub const NO_ROOM: u16 = 1 << 4;

const MEMORY_BAR: usize = 1;
const TNPDS: u64 = 0x20;
const CR: u64 = 0x37;
const IMR: u64 = 0x3c;
const ISR: u64 = 0x3e;
const TCR: u64 = 0x40;
const RCR: u64 = 0x44;
const TPPOLL: u64 = 0xd9;
const CPCR: u64 = 0xe0;
const RDSAR: u64 = 0xe4;

const RESET: u8 = 1 << 4;
const ENABLE: u8 = 3 << 2;
const BOTH_RINGS: u16 = 3;
const STANDARD_GAP: u32 = 3 << 24;
const UNLIMITED_DMA: u32 = 6 << 8;
const ACCEPT_ALL: u32 = 1;
const NORMAL_QUEUE: u8 = 1 << 6;

const OWN: u32 = 1 << 31;
const END_OF_RING: u32 = 1 << 30;
const FIRST: u32 = 1 << 29;
const LAST: u32 = 1 << 28;
const LARGE_SEND: u32 = 1 << 27;
const LENGTH: u32 = 0x1fff;
const FCS: u32 = 4;

const RING: u64 = 64;
const DESCRIPTOR: u64 = 16;
const BUFFER: u64 = 2048;

/// The NIC and its rings.
pub struct Rtl8139 {
    /// Its place on the bus.
    pub function: Function,
    registers: u64,
    transmit: u64,
    receive: u64,
    next_transmit: u64,
    /// The oldest transmit descriptor that was not reclaimed, and how many there are from it on.
    oldest: u64,
    queued: u64,
    next_receive: u64,
}

impl Rtl8139 {
    /// Finds the NIC, resets it, gives it rings and switches it on. Its interrupts are masked.
    pub fn open() -> Self {
        Self::open_number(0)
    }

    /// The same for NIC `number` of several.
    pub fn open_number(number: usize) -> Self {
        let function = pci::find_number(number, 0x10ec, 0x8139);
        function.set_command(pci::COMMAND_IO | pci::COMMAND_MEMORY | pci::COMMAND_MASTER);
        let (transmit, receive) = (memory::allocate(4096), memory::allocate(4096));
        let registers = function.bar(MEMORY_BAR);
        let (next_transmit, oldest, queued, next_receive) = (0, 0, 0, 0);
        let nic = Self {
            function,
            registers,
            transmit,
            receive,
            next_transmit,
            oldest,
            queued,
            next_receive,
        };
        nic.write(CR, RESET);
        assert!(wait_for(|| nic.read::<u8>(CR) & RESET == 0), "the reset does not end");
        let buffers = memory::allocate((RING * BUFFER) as usize);
        for index in 0..RING {
            io::write(receive + DESCRIPTOR * index + 8, buffers + BUFFER * index);
            nic.give_receive(index);
        }
        nic.write(CPCR, BOTH_RINGS);
        for (register, ring) in [(TNPDS, transmit), (RDSAR, receive)] {
            nic.write(register, ring as u32);
            nic.write(register + 4, 0u32);
        }
        nic.write(CR, ENABLE);
        nic.write(RCR, UNLIMITED_DMA | ACCEPT_ALL);
        nic.write(TCR, STANDARD_GAP | UNLIMITED_DMA);
        nic
    }

    fn read<T: Copy>(&self, register: u64) -> T {
        io::read(self.registers + register)
    }

    fn write<T: Copy>(&self, register: u64, value: T) {
        io::write(self.registers + register, value);
    }

    fn give_receive(&self, index: u64) {
        let end = if index == RING - 1 { END_OF_RING } else { 0 };
        io::write(self.receive + DESCRIPTOR * index, OWN | end | BUFFER as u32);
    }

    /// Lets these causes interrupt.
    pub fn unmask(&self, causes: u16) {
        self.write(IMR, causes);
    }

    /// Reads the causes of interrupts, and clears them if there are any.
    pub fn acknowledge(&self) -> u16 {
        let causes = self.read(ISR);
        if causes != 0 {
            self.write(ISR, causes);
        }
        causes
    }

    /// Fills descriptors with a super-frame in pieces, which the NIC shall cut to `mss` bytes of
    /// payload each, or with a frame that goes as it is if `mss` is 0. The NIC gets the first
    /// descriptor last. Returns the last one.
    pub fn queue(&mut self, pieces: impl Iterator<Item = (u64, usize)>, mss: u16) -> u64 {
        let mut pieces = pieces.peekable();
        let (mut first, mut last) = (None, 0);
        while let Some((address, length)) = pieces.next() {
            let descriptor = self.transmit + DESCRIPTOR * self.next_transmit;
            let mut word = OWN | u32::from(mss) << 16 | length as u32;
            if mss != 0 {
                word |= LARGE_SEND;
            }
            if self.next_transmit == RING - 1 {
                word |= END_OF_RING;
            }
            self.next_transmit = (self.next_transmit + 1) % RING;
            if pieces.peek().is_none() {
                word |= LAST;
            }
            io::write(descriptor + 4, 0u32);
            io::write(descriptor + 8, address);
            if first.is_none() {
                first = Some((descriptor, word | FIRST));
            } else {
                io::write(descriptor, word);
            }
            last = descriptor;
            self.queued += 1;
        }
        let (descriptor, word) = first.expect("a frame has a piece");
        io::write(descriptor, word);
        last
    }

    /// Takes back the transmit descriptors that the NIC has done with. Answers how many are free.
    pub fn reclaim(&mut self) -> u64 {
        while self.queued > 0 && Self::done(self.transmit + DESCRIPTOR * self.oldest) {
            self.oldest = (self.oldest + 1) % RING;
            self.queued -= 1;
        }
        RING - self.queued
    }

    /// Whether nothing was queued that was not reclaimed.
    pub fn is_idle(&self) -> bool {
        self.queued == 0
    }

    /// Rings the transmit doorbell.
    pub fn poll(&self) {
        self.write(TPPOLL, NORMAL_QUEUE);
    }

    /// Whether the NIC gave `descriptor` back.
    pub fn done(descriptor: u64) -> bool {
        io::read::<u32>(descriptor) & OWN == 0
    }

    /// The next received frame, if there is one, without its FCS. It is valid until the ring has
    /// come round.
    pub fn receive(&mut self) -> Option<(u64, usize)> {
        let descriptor = self.receive + DESCRIPTOR * self.next_receive;
        let word: u32 = io::read(descriptor);
        if word & OWN != 0 {
            return None;
        }
        let frame = (io::read(descriptor + 8), (word & LENGTH).saturating_sub(FCS) as usize);
        self.give_receive(self.next_receive);
        self.next_receive = (self.next_receive + 1) % RING;
        Some(frame)
    }
}
