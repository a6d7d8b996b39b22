//! The 93C46 behind register 9346CR: 64 words, read and written one bit at a time.
//!
//! The driver moves three wires; the chip samples DI on each rise of SK while CS is high and
//! answers on DO. A command is a start bit, two bits of opcode and six of address. A read then
//! shifts out 16 bits, the first on the rise after the last address bit, and waits for the next
//! start bit without a change of CS.

/// Words of a 93C46.
pub const WORDS: usize = 64;
/// The word that drivers take as a sign of a Realtek EEPROM.
const SIGNATURE: u16 = 0x8129;
/// Where the MAC address starts: three words, each two bytes in order.
const MAC_AT: usize = 7;

/// Bytes of the EEPROM that the chip loads into registers. (Datasheet of the RTL8139C.)
pub mod byte {
    /// PCI Min_Gnt, and Max_Lat behind it.
    pub const MIN_GRANT: usize = 0x0a;
    /// CONFIG3.
    pub const CONFIG3: usize = 0x0d;
    /// CONFIG0.
    pub const CONFIG0: usize = 0x14;
    /// CONFIG1.
    pub const CONFIG1: usize = 0x15;
    /// CONFIG4.
    pub const CONFIG4: usize = 0x19;
    /// CONFIG5.
    pub const CONFIG5: usize = 0x1f;
}

/// The wires as a write to 9346CR sets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wires {
    /// Chip select.
    pub select: bool,
    /// Clock.
    pub clock: bool,
    /// Data in.
    pub data: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for a start bit.
    Standby,
    /// Takes opcode and address.
    Command { bits: u16, left: u8 },
    /// Shifts a word out.
    Read { word: u16, left: u8 },
    /// Takes a word in for one address, or for all.
    Write { address: Option<usize>, word: u16, left: u8 },
    /// Waits for a rise of CS.
    Deaf,
}

/// The chip.
#[derive(Clone, Debug)]
pub struct Eeprom {
    words: [u16; WORDS],
    state: State,
    wires: Wires,
    output: bool,
    writable: bool,
    simple: bool,
}

impl Eeprom {
    /// A chip that holds what drivers look for: signature, PCI IDs and `mac`. A `simple` one holds
    /// nothing else, takes no writes, and leaves DO where it was between words.
    pub fn new(mac: [u8; 6], simple: bool) -> Self {
        let mut words = [0; WORDS];
        words[..3].copy_from_slice(&[SIGNATURE, 0x10ec, 0x8139]);
        if !simple {
            // Subsystem; Min_Gnt and Max_Lat; CONFIG3; CONFIG0 and 1.
            words[3..7].copy_from_slice(&[0x1af4, 0x1100, 0x4020, 0x0100]);
            words[10] = 0x0c00;
        }
        for (word, pair) in words[MAC_AT..].iter_mut().zip(mac.chunks_exact(2)) {
            *word = u16::from_le_bytes([pair[0], pair[1]]);
        }
        Self {
            words,
            state: State::Standby,
            wires: Wires::default(),
            output: false,
            writable: false,
            simple,
        }
    }

    /// Whether it holds what a chip would load from it.
    pub fn is_signed(&self) -> bool {
        self.words[0] == SIGNATURE
    }

    /// Byte `at` of its content.
    pub fn byte(&self, at: usize) -> u8 {
        let word = self.words.get(at / 2).copied().unwrap_or_default();
        word.to_le_bytes()[at % 2]
    }

    /// The MAC address it holds, as the NIC loads it on reset.
    pub fn mac(&self) -> [u8; 6] {
        let mut mac = [0; 6];
        for (pair, word) in mac.chunks_exact_mut(2).zip(&self.words[MAC_AT..]) {
            pair.copy_from_slice(&word.to_le_bytes());
        }
        mac
    }

    /// What the chip drives on DO.
    pub fn output(&self) -> bool {
        self.wires.select && self.output
    }

    /// Moves the wires.
    pub fn drive(&mut self, wires: Wires) {
        let before = std::mem::replace(&mut self.wires, wires);
        if !wires.select {
            self.state = State::Standby;
            return;
        }
        if !before.select {
            self.state = State::Standby;
            // Pulled up: the chip is ready.
            self.output |= !self.simple;
        }
        if wires.clock && !before.clock {
            self.clock(wires.data);
        }
    }

    fn clock(&mut self, data: bool) {
        self.state = match self.state {
            State::Standby => {
                self.output |= !self.simple;
                if data { State::Command { bits: 0, left: 8 } } else { State::Standby }
            }
            State::Command { bits, left } => {
                let bits = bits << 1 | u16::from(data);
                if left > 1 { State::Command { bits, left: left - 1 } } else { self.command(bits) }
            }
            State::Read { word, left } => {
                self.output = word & 0x8000 != 0;
                if left > 1 {
                    State::Read { word: word << 1, left: left - 1 }
                } else {
                    State::Standby
                }
            }
            State::Write { address, word, left } => {
                let word = word << 1 | u16::from(data);
                if left > 1 {
                    State::Write { address, word, left: left - 1 }
                } else {
                    self.program(address, word);
                    State::Standby
                }
            }
            State::Deaf => State::Deaf,
        };
    }

    fn command(&mut self, bits: u16) -> State {
        let address = usize::from(bits & 0x3f);
        match (bits >> 6, bits >> 4 & 3) {
            (0b10, _) => {
                // A zero stands on DO ahead of the word.
                self.output = false;
                return State::Read { word: self.words[address], left: 16 };
            }
            _ if self.simple => return State::Deaf,
            (0b01, _) => return State::Write { address: Some(address), word: 0, left: 16 },
            (0b11, _) => self.program(Some(address), 0xffff),
            (_, 0b01) => return State::Write { address: None, word: 0, left: 16 },
            (_, 0b10) => self.program(None, 0xffff),
            (_, enable) => self.writable = enable == 0b11,
        }
        State::Standby
    }

    fn program(&mut self, address: Option<usize>, word: u16) {
        if !self.writable {
            return;
        }
        match address.and_then(|address| self.words.get_mut(address)) {
            Some(place) => *place = word,
            None => self.words.fill(word),
        }
    }
}

#[cfg(test)]
#[path = "eeprom_tests.rs"]
mod tests;
