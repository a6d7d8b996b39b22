//! Turns the devices of the `devices` crate into running guests.

pub mod machine;
