//! Exits to user space of the server's VMM, as `nicvmm run --report` tells them while it runs.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// How often vCPUs left the guest for the VMM, by cause. KVM's own exits, which it deals with in the
/// kernel, are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exits {
    /// Port reads.
    pub port_reads: u64,
    /// Port writes.
    pub port_writes: u64,
    /// Reads of registers in memory.
    pub memory_reads: u64,
    /// Writes of registers in memory.
    pub memory_writes: u64,
    /// Anything else.
    pub other: u64,
}

#[derive(Deserialize)]
struct Report {
    exits: Exits,
}

impl Exits {
    /// What the report at `path` says, and when it was written; nothing if there is none.
    pub fn reported(path: &Path) -> Option<(Self, SystemTime)> {
        let written = fs::metadata(path).and_then(|file| file.modified()).ok()?;
        let report: Report = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        Some((report.exits, written))
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { port_reads, port_writes, memory_reads, memory_writes, other } = *self;
        port_reads + port_writes + memory_reads + memory_writes + other
    }

    /// Those since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            port_reads: self.port_reads.saturating_sub(earlier.port_reads),
            port_writes: self.port_writes.saturating_sub(earlier.port_writes),
            memory_reads: self.memory_reads.saturating_sub(earlier.memory_reads),
            memory_writes: self.memory_writes.saturating_sub(earlier.memory_writes),
            other: self.other.saturating_sub(earlier.other),
        }
    }
}

#[cfg(test)]
#[path = "exits_tests.rs"]
mod tests;
