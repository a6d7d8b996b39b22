//! What the path did to a packet, in words: the comments of its captures.

use std::fmt::{Display, Formatter, Result};

use super::Side;

/// Something worth saying about a packet that arrived. Packets that just pass get none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Too long for a link and not to be fragmented.
    OverMtu {
        /// Bytes of the IP packet.
        length: usize,
        /// What the link takes.
        mtu: usize,
        /// What its sender hears.
        told: Told,
    },
    /// Cut into fragments.
    Fragmented {
        /// Bytes of the IP packet.
        length: usize,
        /// The smallest MTU on its way.
        mtu: usize,
        /// Fragments that went on.
        pieces: u64,
        /// Fragments that did not get onto the line.
        dropped: u64,
    },
    /// No hop was left.
    HopsExceeded(Told),
    /// It leads nowhere.
    Unroutable(Told),
    /// A firewall in front of this port's NIC keeps it out.
    Filtered(Side),
    /// Lost on purpose.
    Lost,
    /// No room in the queue.
    QueueFull,
    /// The peer does not read and the path's memory is full.
    BacklogFull,
    /// Too many packets wait for a next hop that does not answer.
    Unresolved,
    /// It waits until the next hop has said its address.
    Waiting,
    /// Not what it says.
    Malformed,
    /// A SYN whose MSS was lowered.
    Clamped(u16),
    /// The path answers it itself.
    Answered(&'static str),
}

/// What became of an ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is sent.
    Sent(Message),
    /// It is sent, and the firewall in front of the sender keeps it out.
    Filtered(Message),
    /// The policy keeps it back.
    Suppressed,
    /// None may be sent about such a packet.
    Never,
}

/// An ICMP message by protocol, type and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message(pub &'static str, pub u8, pub u8);

impl Told {
    /// Whether the router sent the error, whatever happened to it then.
    pub(super) fn is_sent(self) -> bool {
        matches!(self, Self::Sent(..) | Self::Filtered(..))
    }
}

impl Display for Remark {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::OverMtu { length, mtu, told } => {
                write!(f, "dropped: {length} > MTU {mtu}, {told}")
            }
            Self::Fragmented { length, mtu, pieces, dropped } => {
                write!(f, "fragmented: {length} > MTU {mtu}, {pieces} pieces")?;
                if *dropped > 0 { write!(f, ", {dropped} of them dropped") } else { Ok(()) }
            }
            Self::HopsExceeded(told) => write!(f, "dropped: no hop left, {told}"),
            Self::Unroutable(told) => write!(f, "dropped: leads nowhere, {told}"),
            Self::Filtered(side) => write!(f, "dropped: the firewall of port {side} takes no ICMP"),
            Self::Lost => f.write_str("dropped: lost on purpose"),
            Self::QueueFull => f.write_str("dropped: the queue is full"),
            Self::BacklogFull => f.write_str("dropped: the peer does not read"),
            Self::Unresolved => f.write_str("dropped: the next hop does not answer"),
            Self::Waiting => f.write_str("waits: the next hop is asked for its address"),
            Self::Malformed => f.write_str("dropped: malformed"),
            Self::Clamped(mss) => write!(f, "changed: MSS lowered to {mss}"),
            Self::Answered(what) => write!(f, "answered: {what}"),
        }
    }
}

impl Display for Told {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Sent(Message(name, kind, code)) => write!(f, "{name} {kind}/{code} sent"),
            Self::Filtered(Message(name, kind, code)) => {
                write!(f, "{name} {kind}/{code} sent, but the sender's firewall takes none")
            }
            Self::Suppressed => f.write_str("ICMP kept back by policy"),
            Self::Never => f.write_str("no ICMP about such a packet"),
        }
    }
}
