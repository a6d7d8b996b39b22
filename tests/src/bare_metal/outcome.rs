//! What a program of the payload found.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use vmm::machine::ExitCounts;

/// How often the guest left for user space, as [`ExitCounts`] counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exits {
    /// Port reads.
    pub port_reads: u64,
    /// Port writes.
    pub port_writes: u64,
    /// Memory-mapped reads.
    pub memory_reads: u64,
    /// Memory-mapped writes.
    pub memory_writes: u64,
}

impl From<&ExitCounts> for Exits {
    fn from(counts: &ExitCounts) -> Self {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            port_reads: get(&counts.port_reads),
            port_writes: get(&counts.port_writes),
            memory_reads: get(&counts.memory_reads),
            memory_writes: get(&counts.memory_writes),
        }
    }
}

/// What a program left behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    facts: Vec<(String, String)>,
    /// Exits of the whole run.
    pub exits: Exits,
}

impl Outcome {
    /// Reads the facts: lines `name value`, ended by a zero byte.
    pub(crate) fn new(text: &[u8], exits: Exits) -> Self {
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let facts = String::from_utf8_lossy(text)
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self { facts, exits }
    }

    /// All values of the fact `name`, in the order in which they were noted.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.facts.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value).collect()
    }

    /// The value of the fact `name`, which was noted once.
    ///
    /// # Panics
    /// If it was not.
    pub fn text(&self, name: &str) -> &str {
        match self.all(name)[..] {
            [value] => value,
            _ => panic!("fact {name:?} was not noted once; facts:\n{self}"),
        }
    }

    /// The value of the fact `name` as a decimal number.
    ///
    /// # Panics
    /// If it is none.
    pub fn number(&self, name: &str) -> u64 {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| panic!("fact {name:?} is {text:?} and not a number"))
    }

    /// Whether the fact `name` is true.
    ///
    /// # Panics
    /// If it is neither true nor false.
    pub fn holds(&self, name: &str) -> bool {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| panic!("fact {name:?} is {text:?}, neither true nor false"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.facts.iter().try_for_each(|(name, value)| writeln!(f, "  {name} {value}"))
    }
}
