//! Guest memory as a script sees it: which bytes a step changed.

use std::ops::Range;

use anyhow::Context;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::layout::{AREAS, RAM};

const PAGE: usize = 4096;
/// Unchanged bytes that do not end a run of changed ones.
const GAP: usize = 4;

/// Bytes that changed: where, and what they are now.
pub type Change = (u64, Vec<u8>);

/// Guest memory, and what was in it after the last step.
pub struct Memory {
    ram: GuestMemoryMmap,
    /// One for each of [`AREAS`].
    known: [Vec<u8>; AREAS.len()],
}

impl Memory {
    /// Watches `ram`.
    pub fn new(ram: GuestMemoryMmap) -> Self {
        Self { ram, known: AREAS.map(|area| vec![0; (area.end - area.start) as usize]) }
    }

    /// Memory of our own process.
    pub fn anonymous() -> anyhow::Result<GuestMemoryMmap> {
        GuestMemoryMmap::from_ranges(&[(GuestAddress(0), RAM)]).context("cannot map guest memory")
    }

    /// The memory itself.
    pub fn ram(&self) -> &GuestMemoryMmap {
        &self.ram
    }

    /// Writes as a script does: no news afterwards.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> anyhow::Result<()> {
        self.ram.write_slice(bytes, GuestAddress(address))?;
        let mut areas = AREAS.iter().zip(&mut self.known);
        let (area, known) = areas
            .find(|(area, _)| area.contains(&address))
            .with_context(|| format!("{address:#x} is not where scripts may write"))?;
        let from = (address - area.start) as usize;
        let known = known.get_mut(from..from + bytes.len()).context("beyond the area")?;
        known.copy_from_slice(bytes);
        Ok(())
    }

    /// Zeros everywhere.
    pub fn clear(&mut self) -> anyhow::Result<()> {
        self.news()?;
        for (known, area) in self.known.iter_mut().zip(AREAS) {
            for (page, at) in known.chunks_mut(PAGE).zip((area.start..).step_by(PAGE)) {
                if page.iter().any(|byte| *byte != 0) {
                    page.fill(0);
                    self.ram.write_slice(page, GuestAddress(at))?;
                }
            }
        }
        Ok(())
    }

    /// What changed since the last time.
    pub fn news(&mut self) -> anyhow::Result<Vec<Change>> {
        let mut changes = Vec::new();
        let mut page = [0; PAGE];
        for (known, area) in self.known.iter_mut().zip(AREAS) {
            for (known, at) in known.chunks_mut(PAGE).zip((area.start..).step_by(PAGE)) {
                self.ram.read_slice(&mut page, GuestAddress(at))?;
                if *known != page {
                    runs(known, &page, at, &mut changes);
                    known.copy_from_slice(&page);
                }
            }
        }
        Ok(changes)
    }
}

/// Appends the runs of bytes in which `now` differs from `before`.
fn runs(before: &[u8], now: &[u8], at: u64, changes: &mut Vec<Change>) {
    let different = (0..now.len()).filter(|index| before[*index] != now[*index]);
    let mut run: Option<Range<usize>> = None;
    let mut push = |run: Range<usize>| {
        let start = at + run.start as u64;
        match changes.last_mut() {
            // A run that goes on from the page before.
            Some((address, bytes)) if *address + bytes.len() as u64 == start => {
                bytes.extend_from_slice(&now[run]);
            }
            _ => changes.push((start, now[run].to_vec())),
        }
    };
    for index in different {
        run = match run.take() {
            Some(open) if index <= open.end + GAP => Some(open.start..index + 1),
            ended => {
                ended.into_iter().for_each(&mut push);
                Some(index..index + 1)
            }
        };
    }
    run.into_iter().for_each(&mut push);
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
