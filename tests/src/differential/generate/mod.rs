//! Draws scripts at random, weighted towards what is hard: rings and their ends, wraps, odd widths,
//! offloads, tags, loopback, filters.
//!
//! A script begins as a driver would, so that most of it reaches the engines, and goes on with
//! actions of a few steps each. The same seed gives the same script.

mod c_mode;
mod cplus;
mod eeprom;
mod frame;
mod packet;
mod registers;

use fastrand::Rng;

use super::bytes::Bytes;
use super::layout;
use super::step::{Access, Space, Step};
use super::{Script, Version};

/// What not to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Whether time may pass: not where QEMU's clock runs by itself.
    pub clock: bool,
    /// The shortest frame to send. QEMU 5.2 looks for the address of a shorter one, when it comes
    /// back in loopback, in what lies behind it.
    pub least_frame: usize,
}

impl Limits {
    /// What `version` can be held to.
    pub fn of(version: &Version) -> Self {
        let clock = version.owns_clock();
        Self { clock, least_frame: if clock { 6 } else { 1 } }
    }

    /// What becomes of a piece of `length` bytes where `rest` are left of a frame. A frame may start
    /// or end at any piece, so where short frames are not to be drawn, short pieces are none.
    fn piece(self, length: usize, rest: usize) -> usize {
        let left = rest - length;
        let short = |bytes: usize| (1..self.least_frame).contains(&bytes);
        if short(length) || short(left) { 0 } else { length }
    }
}

/// The script that belongs to `seed`.
pub fn script(seed: u64, limits: Limits) -> Script {
    let mut driver = Driver::new(Rng::with_seed(seed), limits);
    match driver.rng.u32(..100) {
        0..40 => driver.cplus_script(),
        40..75 => driver.c_mode_script(),
        75..85 => driver.mixed_script(),
        85..95 => driver.register_script(),
        _ => driver.eeprom_script(),
    }
    Script { steps: driver.steps }
}

/// A driver that knows how its chip works, more or less, and what it told it.
struct Driver {
    rng: Rng,
    limits: Limits,
    steps: Vec<Step>,
    /// CPCR was written since the last reset.
    cplus: bool,
    /// The next descriptor of each C+ ring.
    transmit: u64,
    receive: u64,
    /// The next descriptor of C mode.
    slot: u8,
    /// Where the ring of C mode will be written next, and its size.
    written: u32,
    ring: u32,
}

impl Driver {
    fn new(rng: Rng, limits: Limits) -> Self {
        Self {
            rng,
            limits,
            steps: Vec::new(),
            cplus: false,
            transmit: 0,
            receive: 0,
            slot: 0,
            written: 0,
            ring: 8192,
        }
    }

    /// True once in `times`.
    fn once_in(&mut self, times: u32) -> bool {
        self.rng.u32(..times) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(..from.len())]
    }

    fn write(&mut self, offset: u8, width: usize, value: u32) {
        let space = if self.once_in(8) { Space::Ports } else { Space::Memory };
        self.steps.push(Step::Write(Access { space, offset, width }, value));
    }

    fn read(&mut self, offset: u8, width: usize) {
        let space = if self.once_in(4) { Space::Ports } else { Space::Memory };
        self.steps.push(Step::Read(Access { space, offset, width }));
    }

    fn ram(&mut self, address: u64, bytes: Bytes) {
        self.steps.push(Step::Ram(address as u32, bytes));
    }

    fn words(&mut self, address: u64, words: [u32; 4]) {
        self.steps.push(Step::Words(address as u32, words.to_vec()));
    }

    /// Some actions of those that `action` takes.
    fn act(&mut self, mut action: impl FnMut(&mut Self)) {
        for _ in 0..self.rng.u32(3..25) {
            action(self);
        }
    }

    fn cplus_script(&mut self) {
        self.cplus_setup();
        self.act(Self::cplus_action);
    }

    fn c_mode_script(&mut self) {
        self.c_mode_setup();
        self.act(Self::c_mode_action);
    }

    /// Both modes by turns.
    fn mixed_script(&mut self) {
        for _ in 0..self.rng.u32(1..4) {
            if self.rng.bool() {
                self.cplus_script();
            } else {
                self.c_mode_script();
            }
        }
    }

    fn register_script(&mut self) {
        self.act(Self::register_action);
        if self.rng.bool() {
            self.cplus_script();
        } else {
            self.c_mode_script();
        }
        self.act(Self::register_action);
    }

    fn eeprom_script(&mut self) {
        for _ in 0..self.rng.u32(1..5) {
            self.eeprom_action();
        }
    }

    /// A reset, which forgets most of what the driver told.
    fn reset(&mut self) {
        self.write(0x37, 1, 0x10);
        self.forget();
    }

    fn forget(&mut self) {
        self.cplus = false;
        (self.transmit, self.receive, self.slot) = (0, 0, 0);
        (self.written, self.ring) = (0, 8192);
    }

    /// What both modes do between frames.
    fn common_action(&mut self) {
        if self.limits.clock && self.once_in(4) {
            return self.clock();
        }
        match self.rng.u32(..14) {
            0..3 => {
                let bits = self.interrupt_bits();
                self.write(0x3e, 2, bits);
            }
            3..5 => {
                let bits = self.interrupt_bits();
                self.write(0x3c, 2, bits);
            }
            5 => self.receive_configuration(),
            6 => self.hash(),
            7 => self.transmit_configuration(),
            8 => {
                let up = self.rng.bool();
                self.steps.push(Step::Link(up));
                if !up && !self.once_in(4) {
                    self.steps.push(Step::Link(true));
                }
            }
            9 => self.command(),
            10 => self.halt(),
            _ => self.register_action(),
        }
    }

    fn interrupt_bits(&mut self) -> u32 {
        let any = self.rng.u32(..=0xffff);
        self.pick(&[0xffff, 0xffff, 0x80ff, 0xc07f, 0, 1, 4, 0x10, 0x40, 0x20, any, any])
    }

    fn command(&mut self) {
        let value = self.pick(&[0xc, 0xc, 0xc, 4, 8, 0]);
        self.write(0x37, 1, value);
        if value & 4 != 0 {
            self.transmit = 0;
        }
        if value & 8 != 0 {
            self.receive = 0;
        }
        if value != 0xc {
            self.write(0x37, 1, 0xc);
            (self.transmit, self.receive) = (0, 0);
        }
    }

    fn receive_configuration(&mut self) {
        let any = self.rng.u32(..);
        // The lower bits are AAP, APM, AM, AB, AR, AER, and 7 is WRAP.
        let accept = self.pick(&[0xf, 0xf, 0xe, 0xa, 2, 1, any & 0x3f]);
        let size = self.pick(&[0, 0, 0, 0x800, 0x1000, 0x1800]);
        let wrap = self.pick(&[0, 0x80]);
        let rest = self.pick(&[0xa400, 0xe700, 0xf000_0000, 0, any & !0x18bf]);
        self.write(0x44, 4, rest | size | wrap | accept);
        (self.written, self.ring) = (0, 8192 << (size >> 11));
    }

    fn hash(&mut self) {
        let bits = [self.rng.u32(..), self.rng.u32(..), u32::MAX, 0];
        for offset in [0x08, 0x0c] {
            let bits = self.pick(&bits);
            self.write(offset, 4, bits);
        }
    }

    fn transmit_configuration(&mut self) {
        let any = self.rng.u32(..);
        let loopback = self.pick(&[0, 0, 0x6_0000, 0x6_0000, 0x2_0000, 0x4_0000]);
        let rest = self.pick(&[0x0300_0600, 0x0300_0680, 0x0301_0600, any & !0x6_0000]);
        self.write(0x40, 4, rest | loopback);
    }

    fn clock(&mut self) {
        let ticks = self.rng.u32(1..100_000);
        match self.rng.u32(..3) {
            0 => self.write(0x54, 4, ticks),
            1 => self.write(0x48, 4, 0),
            _ => {
                let time = u64::from(self.rng.u32(..6_000_000));
                self.steps.push(Step::Clock(time));
            }
        }
    }

    fn halt(&mut self) {
        let any = self.rng.u32(..256);
        let value = self.pick(&[0x48, 0x52, any]);
        self.write(0x5b, 1, value);
        if value == 0x48 && !self.once_in(3) {
            self.arrival();
            self.write(0x5b, 1, 0x52);
        }
    }
}
