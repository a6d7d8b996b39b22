//! How far a guest came, and when: told by a port that its stages write to.
//!
//! 1. [`Machine::run`](super::Machine::run) notes when the vCPUs start;
//! 2. the boot CPU starts in a [`stub`] that writes to the port and jumps to the kernel's entry;
//! 3. the guest's PID 1 writes when it has `/dev/port`, and its service when it starts a command.
//!
//! Each write is one exit, so a machine has the port only where somebody wants to know.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use devices::bus::{Action, Device};
use devices::sync::lock;
pub use guest_init::protocol::Stage;

use super::layout;

#[derive(Debug, Default)]
struct Notes {
    vcpus_started: Option<Instant>,
    stages: [Option<Instant>; STAGES.len()],
    own_memory: Option<u64>,
}

const STAGES: [Stage; 3] = [Stage::Kernel, Stage::Init, Stage::Command];

/// What was noted about a guest's start; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Arc<Mutex<Notes>>);

impl Timeline {
    fn notes<T>(&self, look: impl FnOnce(&mut Notes) -> T) -> T {
        look(&mut lock(&self.0))
    }

    /// When the vCPUs started to run.
    pub fn vcpus_started(&self) -> Option<Instant> {
        self.notes(|notes| notes.vcpus_started)
    }

    /// When the guest first reached `stage`.
    pub fn reached(&self, stage: Stage) -> Option<Instant> {
        let index = STAGES.iter().position(|known| *known == stage)?;
        self.notes(|notes| notes.stages.get(index).copied().flatten())
    }

    /// Bytes of memory beside the guest's that were this process's own when the guest ended.
    pub fn own_memory(&self) -> Option<u64> {
        self.notes(|notes| notes.own_memory)
    }

    pub(super) fn note_vcpus(&self) {
        self.notes(|notes| notes.vcpus_started = Some(Instant::now()));
    }

    pub(super) fn note_own_memory(&self, bytes: u64) {
        self.notes(|notes| notes.own_memory = Some(bytes));
    }
}

/// The port: what is written is the number of a [`Stage`].
impl Device for Timeline {
    fn read(&mut self, _offset: u64, data: &mut [u8]) {
        data.fill(0xff);
    }

    fn write(&mut self, _offset: u64, data: &[u8]) -> Action {
        let stage = STAGES.iter().position(|stage| data == [*stage as u8]);
        self.notes(|notes| {
            if let Some(noted) = stage.and_then(|index| notes.stages.get_mut(index)) {
                noted.get_or_insert_with(Instant::now);
            }
        });
        Action::None
    }
}

/// Code that tells the port of [`Stage::Kernel`] and goes on at `entry`. It changes RAX and RDX,
/// which no entry protocol looks at.
pub(super) fn stub(entry: u64) -> Vec<u8> {
    let port = (layout::BOOT_TIMER as u32).to_le_bytes();
    [
        &[0xba][..], // mov edx, port
        &port,
        &[0xb0, Stage::Kernel as u8], // mov al, stage
        &[0xee],                      // out dx, al
        &[0x48, 0xb8],                // mov rax, entry
        &entry.to_le_bytes(),
        &[0xff, 0xe0], // jmp rax
    ]
    .concat()
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
