//! Our NICs against QEMU's: the same guest without a kernel, the same wire, runs in turns.
//!
//! 1. A [`Vm`] boots the payload's program `bench` in nicvmm or in QEMU, with one NIC on a [`Wire`]: none,
//!    or a stream socket whose far end is here. It is stopped by SIGSTOP whenever the other has its
//!    turn.
//! 2. A [`Workload`] is a line for that program. [`Vm::run`] has it carried out and answers a
//!    [`Sample`]: bytes, time, CPU time, exits, interrupts.
//! 3. [`Row`] holds the samples of both, and their medians and ratios.
//!
//! CPU time is that of all threads of the VMM, less the time its vCPU spent in the guest, which here
//! waits by looking: [`HostTime`] says what of that is exact. Whether cost stays in proportion is asked by [`points`].

mod clock;
mod growth;
mod row;
mod sample;
mod vm;
mod wire;
mod workload;

pub use clock::HostTime;
pub use growth::{Point, points};
pub use row::{Row, baseline, median, table};
pub use sample::Sample;
pub use vm::{Kind, Vm};
pub use wire::{Far, Wire};
pub use workload::{Direction, Model, Workload, workloads};
