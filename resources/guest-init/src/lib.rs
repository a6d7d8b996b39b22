//! What a test guest and its host share: the [control protocol](protocol), the
//! [client](client::Client) that a host drives a guest with, and the parts of the guest's PID 1.
//!
//! A guest has no network before it is configured and no display at all, so everything goes over
//! one byte stream: a second UART or a virtio console port. The host sends requests, PID 1
//! answers; any number of commands run at once, told apart by an id.

pub mod client;
pub mod protocol;
