//! Turns the devices of the `devices` crate into running guests, and is the program `nicvmm`.

pub mod child;
pub mod cli;
pub mod guest;
pub mod lab;
pub mod listen;
pub mod machine;
pub mod nested;
pub mod path;
pub mod qemu;
pub mod sandbox;
pub mod streams;

/// Version of this program; of a release build from a clone, with the commit.
pub const VERSION: &str = env!("NICVMM_VERSION");
