//! What a guest can see: pure state machines behind buses.
//!
//! A device is a function of what the guest did and what it was handed: register accesses come in
//! through [`bus::Device`] or [`pci::Function`], DMA goes through [`memory::DmaMemory`], frames
//! through [`net::Backend`], the interrupt is a level to read or a message to send
//! ([`interrupt`]). Nothing here knows KVM, threads or clocks, so a unit test, a fuzzer and the
//! real machine drive the same code.

pub mod bus;
pub mod ethernet;
pub mod interrupt;
pub mod memory;
pub mod net;
pub mod pci;
pub mod platform;
pub mod rtl8139;
pub mod sync;
pub mod vectors;
pub mod virtio;
