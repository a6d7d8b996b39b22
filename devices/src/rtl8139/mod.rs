//! The RTL8139C+ network controller.
