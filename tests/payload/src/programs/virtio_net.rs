//! virtio-net: sends `count` super-frames of `payload` bytes in pieces of `piece`, asking for
//! segments of `mss` bytes, each announced by MSI-X.

use crate::command_line::CommandLine;
use crate::contract::FIRST_VECTOR;
use crate::facts::note;
use crate::frame::Frame;
use crate::time::wait_for;
use crate::virtio_net::VirtioNet;
use crate::{apic, interrupts};

const VECTOR: u8 = FIRST_VECTOR + 4;

pub fn run(command_line: &CommandLine) {
    let frame = Frame::tcp(command_line.get("payload", 1460));
    let piece = command_line.get("piece", 4096);
    let mss = command_line.get("mss", 1448);
    apic::enable();
    let mut nic = VirtioNet::open(VECTOR);
    for round in 0..command_line.get("count", 1u16) {
        let before = interrupts::count(VECTOR);
        nic.send(frame, piece, mss);
        note("interrupted", wait_for(|| interrupts::count(VECTOR) > before));
        note("done", nic.sent() == round + 1);
        apic::end_of_interrupt();
    }
}
