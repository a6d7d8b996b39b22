//! How a device's interrupt leaves it.
//!
//! INTx is a level: a function says whether it asserts its line ([`crate::pci::Function::level`]),
//! and whoever drove the device passes the answer on to a [`Line`]. MSI-X messages are events:
//! the function sends them itself, through [`Messages`].

/// A level-triggered line, possibly shared with other devices.
pub trait Line: Send + Sync {
    /// Asserts or releases this device's share of the line.
    fn set(&self, level: bool);
}

/// An MSI address and data pair, as the guest programmed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Where the write goes.
    pub address: u64,
    /// What is written.
    pub data: u32,
}

/// The message vectors of one function.
pub trait Messages: Send + Sync {
    /// Tells where `vector` goes from now on; `None` while it is masked.
    fn program(&self, vector: u16, message: Option<Message>);
    /// Sends `vector` once. Only called while it is programmed.
    fn send(&self, vector: u16);
}

/// Messages that go nowhere.
#[derive(Debug, Default)]
pub struct NoMessages;

impl Messages for NoMessages {
    fn program(&self, _vector: u16, _message: Option<Message>) {}
    fn send(&self, _vector: u16) {}
}
