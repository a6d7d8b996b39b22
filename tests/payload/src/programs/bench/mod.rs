//! Drives a NIC as fast as it goes, for `nic-bench`, which runs this guest in nicvmm and in QEMU.
//!
//! 1. `ready` goes to the serial port, and a line from there says what to do, or `quit`:
//!    `nic=rtl8139|virtio-net`, `direction=transmit|receive`, for `ticks` of the CPU's counter. To
//!    transmit, frames of `length` bytes; or, with `mss`, super-frames of `payload` bytes of TCP
//!    payload that are to be cut to `mss` bytes each. `nics` of them have work at once, but only one
//!    with interrupts.
//! 2. The NIC is set up; `set` goes to the serial port, and a byte from there starts the work.
//! 3. With `interrupts=off` the driver looks at its rings all the time and rings doorbells no more often
//!    than it has to: what is left is the device. With `interrupts=on` it does as Linux' drivers.
//! 4. `done` goes to the serial port, and after another byte the facts, then `end`. In between whoever
//!    is at the other end reads clocks and counters.

mod many;
mod rtl8139;
mod virtio_net;

use crate::command_line::CommandLine;
use crate::contract::{self, headers};
use crate::facts::{self, note};
use crate::frame::Frame;
use crate::time::{now, wait_for};
use crate::{apic, serial};
use many::Many;
use rtl8139::Rtl8139;
use virtio_net::VirtioNet;

/// Bytes that a descriptor holds at most: frames come out of pages.
const PIECE: usize = 4096;
/// What there is to say of a ring that stays full.
const STUCK: &str = "the NIC does not go on";

/// What a driver is to do.
#[derive(Clone, Copy)]
struct Job {
    frame: Frame,
    /// Segment size, or 0 for frames that go as they are.
    mss: u16,
    /// Work by interrupts.
    interrupts: bool,
}

impl Job {
    /// The frame as a driver finds it: a super-frame as headers and pages, any other in one piece.
    fn pieces(self) -> impl Iterator<Item = (u64, usize)> + Clone {
        let first = if self.mss == 0 { self.frame.length } else { headers::LENGTH };
        self.frame.split(first, PIECE)
    }
}

/// What the work asks of a driver.
trait Driver {
    /// Queues the frame if there is room.
    fn send(&mut self) -> bool;
    /// Handles an interrupt, if one came; answers whether. Without interrupts it is always time.
    fn handle(&mut self) -> bool;
    /// Takes the next received frame out of the ring, and gives its buffer back.
    fn receive(&mut self) -> Option<usize>;
    /// The ring was found empty, or full: what was put off is due. Answers whether there is
    /// something to do right now.
    fn rest(&mut self) -> bool;
    /// Whether everything that was queued has left.
    fn idle(&mut self) -> bool;
    /// Interrupts so far.
    fn interrupts(&self) -> u64;
    /// Doorbells rung so far.
    fn doorbells(&self) -> u64;
}

pub fn run(_: &CommandLine) {
    apic::enable();
    loop {
        serial::line("ready");
        let request = serial::read_line();
        if request == b"quit" {
            return;
        }
        // An interrupt that nobody cared for may be in service.
        (0..contract::VECTORS).for_each(|_| apic::end_of_interrupt());
        carry_out(&CommandLine::from_bytes(request));
        serial::line("end");
    }
}

fn carry_out(request: &CommandLine) {
    let mss = request.get("mss", 0);
    let frame = match mss {
        0 => Frame::plain(request.get("length", 1514)),
        _ => Frame::tcp(request.get("payload", 1448)),
    };
    let job = Job { frame, mss, interrupts: request.text("interrupts") == Some("on") };
    let transmits = request.text("direction") != Some("receive");
    let ticks = request.get("ticks", 1_000_000_000);
    let nics = request.get("nics", 1);
    let driven = if request.text("nic") == Some("virtio-net") {
        Many::open(nics, |number| VirtioNet::open(job, number))
            .map(|nics| work(nics, transmits.then_some(frame), ticks))
    } else {
        Many::open(nics, |number| Some(Rtl8139::open(job, number)))
            .map(|nics| work(nics, transmits.then_some(frame), ticks))
    };
    if driven.is_none() {
        serial::line("not offered");
    }
}

fn work(mut driver: impl Driver, frame: Option<Frame>, ticks: u64) {
    serial::line("set");
    serial::read();
    let (interrupts, doorbells) = (driver.interrupts(), driver.doorbells());
    let end = now() + ticks;
    let (frames, bytes) = match frame {
        Some(frame) => transmit(&mut driver, frame, end),
        None => receive(&mut driver, end),
    };
    serial::line("done");
    note("frames", frames);
    note("bytes", bytes);
    note("interrupts", driver.interrupts() - interrupts);
    note("doorbells", driver.doorbells() - doorbells);
    // What is still on the wire shall not be in the way of the next job.
    serial::read_while(|| {
        driver.handle();
        while driver.receive().is_some() {}
        driver.rest();
    });
    facts::tell();
}

fn transmit(driver: &mut impl Driver, frame: Frame, end: u64) -> (u64, u64) {
    let mut frames = 0;
    while now() < end {
        driver.handle();
        if driver.send() {
            frames += 1;
        } else {
            assert!(driver.rest() || wait_for(|| driver.handle()), "{STUCK}");
        }
    }
    driver.rest();
    let all = wait_for(|| {
        driver.handle();
        driver.idle()
    });
    assert!(all, "{STUCK}");
    (frames, frames * frame.length as u64)
}

fn receive(driver: &mut impl Driver, end: u64) -> (u64, u64) {
    let (mut frames, mut bytes) = (0, 0);
    while now() < end {
        if !driver.handle() {
            core::hint::spin_loop();
            continue;
        }
        loop {
            while let Some(length) = driver.receive() {
                frames += 1;
                bytes += length as u64;
            }
            if !driver.rest() {
                break;
            }
        }
    }
    (frames, bytes)
}
