//! Stock guests of nicvmm and of QEMU: how fast bytes get in and out, and what that costs the host.
//!
//! 1. A [`Machine`] is a guest with one [`Device`] that is measured: a NIC on a wire, or a disk. It is
//!    stopped by SIGSTOP whenever the other VMM's guest has its turn.
//! 2. The wire of a NIC ends in the host's own TCP: at a tap, or at a stream socket between which and a
//!    tap a [`Pump`](crate::pump::Pump) carries frames, the same for both VMMs.
//! 3. [`Machine::run`] carries out one [`Job`]: a download by wget, an upload by the guest's nginx,
//!    reading or writing the disk by dd. It answers a [`Sample`].
//! 4. A [`Row`] holds the samples of both, their medians, and the ratio of runs that followed
//!    each other.

mod device;
mod job;
mod machine;
mod row;
mod sample;

pub use device::{Device, Group, Kind, Wire, groups};
pub use job::Job;
pub use machine::Machine;
pub use row::{Row, table};
pub use sample::Sample;
