//! `--host`: where guests run.

use clap::ValueEnum;

/// Where guests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Host {
    /// On /dev/kvm if it can run Linux, else in a nested software machine.
    Auto,
    /// On /dev/kvm.
    Kvm,
    /// In a software machine that emulates virtualization.
    Nested,
}
