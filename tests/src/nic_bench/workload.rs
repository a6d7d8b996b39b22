//! What the guest is asked to do.

use std::fmt;

use super::wire::Wire;

/// The NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// rtl8139 in C+ mode.
    Rtl8139,
    /// virtio-net.
    VirtioNet,
}

/// Which way frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Out of the guest.
    Transmit,
    /// Into the guest.
    Receive,
}

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    /// The NIC.
    pub model: Model,
    /// What it is plugged into.
    pub wire: Wire,
    /// Which way.
    pub direction: Direction,
    /// Bytes of a frame, or segment size of super-frames of 64 KiB.
    pub size: Size,
    /// The guest works by interrupts instead of looking.
    pub interrupts: bool,
    /// How many times less CPU than QEMU is wanted.
    pub target: Option<f64>,
}

/// How long frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Frames of so many bytes.
    Frame(usize),
    /// Super-frames of 64 KiB, to be cut at this many bytes of payload.
    Segment(u16),
}

/// Bytes of payload of a super-frame: with its headers it fills the 64 KiB that an RTL8139 takes.
const PAYLOAD: usize = 65_470;

impl Workload {
    /// The line for the payload's program `bench`.
    pub fn request(&self, ticks: u64) -> String {
        let size = match self.size {
            Size::Frame(length) => format!("length={length}"),
            Size::Segment(mss) => format!("payload={PAYLOAD} mss={mss}"),
        };
        let direction = match self.direction {
            Direction::Transmit => "transmit",
            Direction::Receive => "receive",
        };
        let interrupts = if self.interrupts { "on" } else { "off" };
        let Self { model, .. } = self;
        format!("nic={model} direction={direction} {size} interrupts={interrupts} ticks={ticks}")
    }

    /// Bytes of a frame on the wire when the far end sends.
    pub fn frame(&self) -> usize {
        match self.size {
            Size::Frame(length) => length,
            Size::Segment(mss) => usize::from(mss),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rtl8139 => "rtl8139",
            Self::VirtioNet => "virtio-net",
        })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, wire, .. } = self;
        let direction = match self.direction {
            Direction::Transmit => "tx",
            Direction::Receive => "rx",
        };
        let interrupts = if self.interrupts { ", by interrupts" } else { "" };
        match self.size {
            Size::Frame(length) => write!(f, "{model} {direction} {length}, {wire}{interrupts}"),
            Size::Segment(mss) => write!(f, "{model} {direction} 64K/{mss}, {wire}{interrupts}"),
        }
    }
}

/// Everything that is measured, all of one NIC and one wire together.
pub fn workloads() -> Vec<Workload> {
    use Direction::{Receive, Transmit};
    use Model::{Rtl8139, VirtioNet};
    use Size::{Frame, Segment};
    let mut all = Vec::new();
    for (model, large, small) in [(Rtl8139, 5.0, 3.0), (VirtioNet, 2.0, 2.0)] {
        let receive = if model == Rtl8139 { 3.0 } else { 2.0 };
        for wire in [Wire::Null, Wire::Stream] {
            let mut add = |direction, size, interrupts, target| {
                all.push(Workload { model, wire, direction, size, interrupts, target });
            };
            for mss in [1448, 536] {
                add(Transmit, Segment(mss), false, Some(large));
            }
            add(Transmit, Frame(1514), false, (model == VirtioNet).then_some(large));
            add(Transmit, Frame(60), false, Some(small));
            if wire == Wire::Stream {
                // An RTL8139 that found no room hears of more by the driver's answer to its interrupt.
                for length in [1514, 60] {
                    add(Receive, Frame(length), model == Rtl8139, Some(receive));
                }
                let size = if model == Rtl8139 { Segment(1448) } else { Frame(1514) };
                add(Transmit, size, true, None);
                if model == VirtioNet {
                    add(Receive, Frame(1514), true, None);
                }
            }
        }
    }
    all
}
