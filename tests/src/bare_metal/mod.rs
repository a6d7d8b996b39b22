//! The bare-metal guest of `payload/` and the devices it is shown.
//!
//! A test makes a [`Guest`], gives it devices, and runs one of the payload's programs; what the
//! program found is in the [`Outcome`]. See docs/bare-metal.md.

pub mod card;
#[path = "../../payload/src/contract.rs"]
pub mod contract;
mod guest;
mod kvm;
mod outcome;
pub mod segments;
mod wire;

pub use guest::{Guest, payload};
pub use kvm::require_kvm;
pub use outcome::{Exits, Outcome};
pub use wire::Wire;
