//! How much memory a process has for itself, beside its guest's.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use vm_memory::{GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

/// Where the kernel counts it: opened while files can be, read when the guest has ended.
pub struct Footprint(File);

impl Footprint {
    /// Opens `/proc/self/smaps`.
    pub fn open() -> io::Result<Self> {
        File::open("/proc/self/smaps").map(Self)
    }

    /// Bytes that this process has written to and that are no file's, outside of `memory`: what one
    /// more guest costs beside its own RAM. The program's own pages are none of them, though the kernel
    /// counts them as private and dirty while a program that was just built is not on the disk yet.
    pub fn anonymous_beside(mut self, memory: &GuestMemoryMmap) -> io::Result<u64> {
        let ram: Vec<Range<u64>> = memory
            .iter()
            .filter_map(|region| {
                let start = memory.get_host_address(region.start_addr()).ok()?.addr() as u64;
                Some(start..start + region.len())
            })
            .collect();
        let mut smaps = String::new();
        self.0.read_to_string(&mut smaps)?;
        Ok(count(&smaps, &ram))
    }
}

/// Adds up `Anonymous` of the mappings in a text like `smaps` that do not lie in `excluded`.
///
/// The kernel may have joined RAM with a neighbour; such a mapping is excluded as a whole, for its
/// pages cannot be told apart.
fn count(smaps: &str, excluded: &[Range<u64>]) -> u64 {
    const KIB: u64 = 1024;
    let mut counted = true;
    let mut total = 0;
    for line in smaps.lines() {
        if let Some(range) = range(line) {
            counted = !excluded.iter().any(|ram| range.start < ram.end && ram.start < range.end);
        } else if let Some(text) = line.strip_prefix("Anonymous:") {
            let kib = text.split_whitespace().next().and_then(|number| number.parse().ok());
            total += if counted { kib.unwrap_or(0) * KIB } else { 0 };
        }
    }
    total
}

/// The addresses of the mapping that a line introduces, if it does.
fn range(line: &str) -> Option<Range<u64>> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some(number(start)?..number(end)?)
}

#[cfg(test)]
#[path = "footprint_tests.rs"]
mod tests;
