//! The differential test: our RTL8139 against QEMU's, step by step.
//!
//! 1. A [`Script`] says what a driver and a wire do: register accesses, writes to guest memory,
//!    incoming frames. It is text (`step`), written by hand (`tests/corpus/rtl8139`) or drawn at
//!    random (`generate`) from a seed.
//! 2. Two [`Subject`]s carry it out: [`Ours`] and [`Qemu`], which runs for many scripts and is told
//!    what to do over qtest.
//! 3. After each step an [`Answer`] holds all that can be seen: every register, the line, frames
//!    sent, guest memory changed.
//! 4. `compare` looks for the first difference that `explained` does not explain; `shrink` takes
//!    away from the script what the difference does not need.
//! 5. What an older QEMU answers to the fixed scripts is kept as a `transcript`.

mod answer;
mod bytes;
mod compare;
mod explained;
pub mod generate;
mod layout;
mod memory;
mod ours;
mod qemu;
mod script;
mod shrink;
mod step;
pub mod transcript;

pub use answer::Answer;
pub use compare::{Difference, compare};
pub use ours::Ours;
pub use qemu::{Missing, Qemu, Qmp, Version};
pub use script::Script;
pub use shrink::shrink;
pub use step::Step;

use devices::rtl8139::{Config, Quirks};

/// Our NIC as it is to be held to `version`.
pub fn profile(version: &Version) -> Config {
    let quirks = match version {
        Version::Installed => Quirks::QEMU_7_2,
        Version::Unpacked52(_) => Quirks::QEMU_5_2,
    };
    Config { quirks, ..Config::new(layout::MAC) }
}

/// A NIC under test.
pub trait Subject {
    /// Brings the NIC and guest memory to the state after power-on, with BARs mapped and bus
    /// mastering allowed; answers what can be seen then.
    fn power_on(&mut self) -> anyhow::Result<Answer>;

    /// Carries out one step.
    fn perform(&mut self, step: &Step) -> anyhow::Result<Answer>;
}
