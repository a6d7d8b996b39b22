//! Small platform devices: reset by keyboard controller, ACPI power and event registers, panic
//! notification.
//!
//! The UART is the vm-superio crate's; the machine wires it to a line and a stream.

mod events;
mod i8042;
mod panic;
mod power;

pub use events::{GeneralEvents, PME_EVENT};
pub use i8042::I8042;
pub use panic::Panic;
pub use power::{Power, SLEEP_TYPE_OFF};
pub use vm_superio::{Serial, Trigger};
