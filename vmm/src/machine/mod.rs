//! A KVM virtual machine: memory, CPUs, interrupts, and the devices behind its buses.

pub mod acpi;
pub mod boot;
pub mod cpu;
mod error;
pub mod irqchip;
pub mod layout;
pub mod memory;

pub use error::{Error, Result};
