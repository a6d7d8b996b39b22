//! What the tests share: the program under test, and small pieces of guests.

pub mod elf;
pub mod program;
