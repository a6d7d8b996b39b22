use std::io::{self, Write};

use nix::fcntl::{FcntlArg, fcntl};

use super::*;
use crate::protocol::Device;

/// The most that anybody may make a pipe hold, by default.
const LARGE: usize = 1 << 20;

#[test]
fn the_end_waits_for_all_that_a_large_pipe_holds() {
    let (output, mut command) = io::pipe().unwrap();
    fcntl(&command, FcntlArg::F_SETPIPE_SZ(LARGE as i32)).unwrap();
    command.write_all(&vec![1; LARGE]).unwrap();
    // Something goes on running that holds it open, as the command itself ends.
    let outputs = Arc::new(Outputs::default());
    outputs.forward(output, Sender::new(io::sink(), Device::Port), Kind::Stdout, 0);
    outputs.wait_for_the_last();
    assert_eq!(outputs.lock().sent, LARGE as u64);
}

#[test]
fn the_end_does_not_wait_for_something_that_never_stops_printing() {
    let (output, mut command) = io::pipe().unwrap();
    let outputs = Arc::new(Outputs::default());
    outputs.forward(output, Sender::new(io::sink(), Device::Port), Kind::Stdout, 0);
    thread::spawn(move || while command.write_all(&[1; 4096]).is_ok() {});
    outputs.wait_for_the_last();
}
