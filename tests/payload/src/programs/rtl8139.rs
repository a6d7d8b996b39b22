//! The RTL8139C+: sends `count` super-frames of `payload` bytes in pieces of `piece`, asking for
//! segments of `mss` bytes, each announced by INTx; notes what comes back from the wire.

use crate::command_line::CommandLine;
use crate::contract::FIRST_VECTOR;
use crate::facts::note;
use crate::frame::Frame;
use crate::rtl8139::{RECEIVED, Rtl8139, SENT};
use crate::time::wait_for;
use crate::{apic, interrupts};

const VECTOR: u8 = FIRST_VECTOR + 3;

pub fn run(command_line: &CommandLine) {
    let frame = Frame::tcp(command_line.get("payload", 1460));
    let piece = command_line.get("piece", 4096);
    let mss = command_line.get("mss", 1448);
    let echoed: usize = command_line.get("echoed", 0);
    apic::enable();
    let mut nic = Rtl8139::open();
    apic::route_level(nic.function.interrupt_pin(), VECTOR);
    nic.unmask(SENT);
    let mut handled = 0;
    for _ in 0..command_line.get("count", 1) {
        let last = nic.queue(frame.pieces(piece), mss);
        nic.poll();
        note("interrupted", wait_for(|| interrupted(&nic, &mut handled)));
        note("done", Rtl8139::done(last));
    }
    nic.unmask(RECEIVED);
    for _ in 0..echoed {
        let mut frame = None;
        wait_for(|| {
            frame = nic.receive();
            frame.is_some()
        });
        note("received", frame.map_or(0, |(_, length)| length));
    }
}

/// Handles an interrupt, if one came, as a driver does that may share its line: one without a cause
/// is somebody else's. Answers whether it told of frames sent.
fn interrupted(nic: &Rtl8139, handled: &mut u64) -> bool {
    let count = interrupts::count(VECTOR);
    if count == *handled {
        return false;
    }
    *handled = count;
    let causes = nic.acknowledge();
    apic::end_of_interrupt();
    causes & SENT != 0
}
