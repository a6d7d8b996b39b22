//! What a script does to a NIC, one step at a time, and how that is written.
//!
//! A script is text, a step a line; numbers are hexadecimal but for lengths and times:
//!
//! | line | what it does |
//! |---|---|
//! | `writeb 37 c`, `writew`, `writel` | writes a register through the memory BAR |
//! | `outb 37 c`, `outw`, `outl` | the same through the I/O BAR |
//! | `readw 3e`, `inw 3e` ... | reads a register |
//! | `config 34` | reads 32 bits of configuration space |
//! | `ram 150000 525400 +46` | writes guest memory: bytes, then 46 bytes of a pattern |
//! | `words 100000 b000003c 0 150000 0` | writes guest memory: little-endian words |
//! | `frame ffffffffffff +54` | a frame arrives on the wire |
//! | `link down`, `link up` | pulls the cable, or plugs it in |
//! | `clock 600` | 600 ns pass |
//!
//! `#` starts a comment.

use std::fmt;

use anyhow::{Context, bail};

use super::bytes::Bytes;

/// How registers are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// BAR 1.
    Memory,
    /// BAR 0.
    Ports,
}

/// One access to registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Through which BAR.
    pub space: Space,
    /// The first register byte.
    pub offset: u8,
    /// Bytes: 1, 2 or 4.
    pub width: usize,
}

impl Access {
    /// An access through the memory BAR.
    pub fn memory(offset: u8, width: usize) -> Self {
        Self { space: Space::Memory, offset, width }
    }
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes registers.
    Write(Access, u32),
    /// Reads registers.
    Read(Access),
    /// Reads 32 bits of configuration space.
    Config(u8),
    /// Writes guest memory.
    Ram(u32, Bytes),
    /// Writes words of guest memory.
    Words(u32, Vec<u32>),
    /// A frame arrives, without FCS.
    Frame(Bytes),
    /// The cable is pulled or plugged in.
    Link(bool),
    /// Nanoseconds pass.
    Clock(u64),
}

impl Step {
    /// Whether it reads something.
    pub fn reads(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Config(_))
    }

    /// Whether the NIC may write into guest memory because of it.
    pub fn may_write(&self) -> bool {
        matches!(self, Self::Write(..) | Self::Frame(_) | Self::Clock(_))
    }

    /// What it writes into guest memory, and where.
    pub fn memory(&self) -> Option<(u64, Vec<u8>)> {
        match self {
            Self::Ram(address, bytes) => Some((u64::from(*address), bytes.to_vec())),
            Self::Words(address, words) => {
                let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                Some((u64::from(*address), bytes))
            }
            _ => None,
        }
    }

    /// Reads the text form; `None` is a line without a step.
    pub fn parse(line: &str) -> anyhow::Result<Option<Self>> {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((verb, rest)) = words.split_first() else { return Ok(None) };
        step(verb, rest).with_context(|| format!("`{line}` is no step")).map(Some)
    }
}

fn step(verb: &str, rest: &[&str]) -> anyhow::Result<Step> {
    Ok(match (verb, rest) {
        ("ram", [address, bytes @ ..]) => Step::Ram(number(address)?, Bytes::parse(bytes)?),
        ("words", [address, words @ ..]) => {
            let words: anyhow::Result<Vec<u32>> = words.iter().map(|word| number(word)).collect();
            Step::Words(number(address)?, words?)
        }
        ("config", [offset]) => Step::Config(u8::try_from(number(offset)?)? & !3),
        ("frame", bytes) => Step::Frame(Bytes::parse(bytes)?),
        ("link", ["up"]) => Step::Link(true),
        ("link", ["down"]) => Step::Link(false),
        ("clock", [time]) => Step::Clock(time.parse()?),
        (verb, [offset, value @ ..]) => {
            let (space, name) = split(verb).context("unknown word")?;
            let width = match verb.as_bytes().last() {
                Some(b'b') => 1,
                Some(b'w') => 2,
                Some(b'l') => 4,
                _ => bail!("{verb} ends in none of b, w, l"),
            };
            let offset = u8::try_from(number(offset)?).context("registers end at ff")?;
            let access = Access { space, offset, width };
            match (name, value) {
                ("read", []) => Step::Read(access),
                ("write", [value]) => Step::Write(access, number(value)?),
                _ => bail!("wrong number of values"),
            }
        }
        _ => bail!("unknown word"),
    })
}

fn split(verb: &str) -> Option<(Space, &'static str)> {
    Some(match verb.get(..verb.len().checked_sub(1)?)? {
        "read" => (Space::Memory, "read"),
        "write" => (Space::Memory, "write"),
        "in" => (Space::Ports, "read"),
        "out" => (Space::Ports, "write"),
        _ => return None,
    })
}

fn number(text: &str) -> anyhow::Result<u32> {
    u32::from_str_radix(text, 16).with_context(|| format!("{text} is no number"))
}

/// The letter of an access width.
pub fn suffix(width: usize) -> char {
    match width {
        1 => 'b',
        2 => 'w',
        _ => 'l',
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(Access { space, offset, width }, value) => {
                let verb = if *space == Space::Memory { "write" } else { "out" };
                write!(f, "{verb}{} {offset:x} {value:x}", suffix(*width))
            }
            Self::Read(Access { space, offset, width }) => {
                let verb = if *space == Space::Memory { "read" } else { "in" };
                write!(f, "{verb}{} {offset:x}", suffix(*width))
            }
            Self::Config(offset) => write!(f, "config {offset:x}"),
            Self::Ram(address, bytes) => write!(f, "ram {address:x} {bytes}"),
            Self::Words(address, words) => {
                write!(f, "words {address:x}")?;
                words.iter().try_for_each(|word| write!(f, " {word:x}"))
            }
            Self::Frame(bytes) => write!(f, "frame {bytes}"),
            Self::Link(up) => f.write_str(if *up { "link up" } else { "link down" }),
            Self::Clock(time) => write!(f, "clock {time}"),
        }
    }
}
