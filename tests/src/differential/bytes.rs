//! Bytes of a script: what matters in full, and a tail of the usual pattern.

use std::fmt;

/// Some bytes, written `525400123456 +46` when the last 46 are the pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// The first bytes.
    pub head: Vec<u8>,
    /// How many bytes of pattern follow.
    pub tail: usize,
}

impl Bytes {
    /// `head` and nothing more.
    pub fn new(head: impl Into<Vec<u8>>) -> Self {
        Self { head: head.into(), tail: 0 }
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.head.len() + self.tail
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them.
    pub fn to_vec(&self) -> Vec<u8> {
        self.head.iter().copied().chain((0..self.tail).map(pattern)).collect()
    }

    /// The same, `length` bytes long at most.
    pub fn cut(&self, length: usize) -> Self {
        let head = self.head[..length.min(self.head.len())].to_vec();
        let tail = self.tail.min(length - head.len());
        Self { head, tail }
    }

    /// Reads the text form.
    pub fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut bytes = Self::default();
        for word in words {
            if let Some(tail) = word.strip_prefix('+') {
                bytes.tail += tail.parse::<usize>()?;
            } else {
                anyhow::ensure!(bytes.tail == 0, "{word}: bytes after the pattern");
                anyhow::ensure!(word.len() % 2 == 0 && word.is_ascii(), "{word}: half a byte");
                for at in (0..word.len()).step_by(2) {
                    bytes.head.push(u8::from_str_radix(&word[at..at + 2], 16)?);
                }
            }
        }
        Ok(bytes)
    }
}

/// Byte `index` of a pattern that repeats only after 64 KiB.
fn pattern(index: usize) -> u8 {
    (index % 251) as u8 ^ (index / 251) as u8
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hexadecimal(f, &self.head)?;
        match (self.head.is_empty(), self.tail) {
            (_, 0) => Ok(()),
            (true, tail) => write!(f, "+{tail}"),
            (false, tail) => write!(f, " +{tail}"),
        }
    }
}

/// Writes two digits a byte.
pub fn write_hexadecimal(f: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
