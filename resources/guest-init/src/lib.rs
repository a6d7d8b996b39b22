//! What a test guest and its host share: the [control protocol](protocol), the
//! [client](client::Client) that a host drives a guest with, and [the guest's side](guest) of it.
//!
//! A guest has no network before it is configured and no display at all, so everything goes over
//! one byte stream: a second UART or a virtio console port. The host sends requests, the guest
//! answers; any number of commands run at once, told apart by an id.

pub mod client;
pub mod guest;
pub mod protocol;
