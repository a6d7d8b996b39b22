//! What the tests share: the program under test, small pieces of guests, and networks without any.

pub mod bare_metal;
pub mod cable;
pub mod differential;
pub mod elf;
pub mod gdb;
pub mod guest_speed;
pub mod hostile;
pub mod http;
pub mod lab;
pub mod linux;
pub mod linux_router;
pub mod namespace;
pub mod network;
pub mod nic_bench;
pub mod pairing;
pub mod program;
pub mod pump;
pub mod report;
pub mod stand_in;
pub mod startup;
pub mod storage;
pub mod terminal;
pub mod tmux;
pub mod transfer;
pub mod wait;
pub mod wire;
