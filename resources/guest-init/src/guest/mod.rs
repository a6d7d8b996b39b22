//! The guest's side: what PID 1 is made of.
//!
//! PID 1 mounts the kernel's file systems, loads the modules that the hardware asks for, sets up
//! the network that the kernel command line describes, starts [`serve`](service::serve) as a
//! second process, and from then on only collects orphans. The service answers the host. The two
//! are apart so that each may wait for its own children.

pub mod channel;
mod input;
pub mod modules;
pub mod mounts;
pub mod network;
mod outputs;
pub mod parameters;
mod process;
pub mod service;
pub mod shares;
mod terminal;
pub mod timer;
mod upload;

pub use process::{ENTER, enter};

/// Where programs are found in a guest.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
