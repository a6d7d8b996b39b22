//! The network between two guests: a router with two ports and whatever a path may do to packets.
//!
//! 1. A frame that arrives at a port goes into [`Router::ingress`]. What is meant for the router
//!    itself (ARP, neighbour discovery, echo) is answered; the rest is forwarded to the other port.
//! 2. Forwarding counts a hop, clamps the MSS of a SYN, and holds the packet against the MTU of the
//!    port it leaves by: too long and it is fragmented, or dropped with an ICMP error under the
//!    [`IcmpPolicy`].
//! 3. What fits and is not lost by [`chance`] joins the port's [`link`]: a queue that drops what it
//!    cannot hold, then the time a line of that rate takes to send it, then the delay of the way.
//! 4. At its time the frame is taken out by [`Router::pop`].
//!
//! The router knows no clock and no socket: time is an argument, counted from the start of the
//! path, so a test runs a minute of traffic in no time and a seed replays it exactly.
//! [`process`] puts real sockets and real time around it, and [`control`] lets a person change the
//! path while traffic flows.
//!
//! The MTU is a property of the far end of the way: an error about it has been to the other side
//! and back, and reaches the sender after a whole round trip, as from a router at the client.

pub mod chance;
pub mod config;
pub mod control;
pub mod counters;
mod egress;
mod end;
mod fragment;
mod icmp;
mod ipv4;
mod ipv6;
pub mod link;
mod listener;
mod neighbour;
pub mod policy;
mod port;
pub mod process;
pub mod remark;
mod router;
pub mod settings;
mod tcp;
pub mod units;
mod wire;

pub use chance::Reorder;
pub use config::{PathConfig, PortConfig};
pub use counters::{Counters, Report};
pub use policy::{IcmpMtu, IcmpPolicy, MssClamp};
pub use remark::Remark;
pub use router::Router;

/// One of the two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first port, by convention the server's.
    A,
    /// The second port, by convention the client's.
    B,
}

impl Side {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The opposite port.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Its place in a pair.
    pub fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}
