//! Sets NIC models against each other: the same guests, file and path, and one NIC changed.
//!
//! 1. A [`Plan`] names the [`Arm`]s: each a NIC ([`Variant`]), the path between the guests, what the
//!    server guest is told beforehand, what happens to the path meanwhile, and how long to download.
//! 2. [`measure`] makes the runs interleaved over the arms (A B C A B C), each on a fresh bench of
//!    three processes: the path, the server's VMM and the client's. A crash stays in one of
//!    them, and what each uses can be read from the kernel.
//! 3. A run boots both guests, starts a web server in one and GNU wget in the other, and takes
//!    down what the path counted meanwhile, what the server guest says about itself, and what its
//!    VMM used.
//! 4. A [`scenario`] is a plan in a file, with what has to come out of it.
//! 5. What was [`Measured`] is put side by side as a [`Comparison`], which [`report`] prints and which
//!    is written as JSON.
//!
//! A [`Stop`] ends everything at any moment, and nothing outlives it; what was finished until then
//! is kept.

mod addresses;
mod bench;
mod cells;
mod command;
mod download;
mod during;
mod error;
mod exits;
mod host;
pub mod json;
mod kernel_counters;
mod machine;
pub mod markdown;
pub mod outcome;
pub mod page;
mod parse;
mod plan;
mod process;
mod progress;
pub mod ratio;
mod readings;
pub mod report;
mod runner;
pub mod scenario;
mod socket;
mod sparkline;
mod statistics;
mod stop;
pub mod story;
#[cfg(test)]
mod testing;
pub mod trace;
pub mod units;
mod variant;
pub mod verdict;
mod wait;

pub use error::{EXIT_LAB_FAULT, EXIT_TIMED_OUT, Error, Evidence};
pub use exits::Exits;
pub use host::facts as host_facts;
pub use outcome::{Comparison, Story};
pub use plan::{Accelerator, Arm, Download, Image, IpVersion, Limits, PathPlan, Plan};
pub use progress::Progress;
pub use runner::{Measured, measure};
pub use socket::SocketSample;
pub use statistics::Summary;
pub use stop::{SignalWatch, Stop};
pub use variant::{BadVariant, Variant, Vmm};
