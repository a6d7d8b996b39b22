//! Segmentation: one super-frame in, frames that fit the path out.
//!
//! The headers are patched in one template on the stack and copied to the batch once a
//! segment; the payload is summed where it lies and goes out as ranges of guest memory. Every segment carries
//! all headers of the super-frame, with length, identification, sequence number, flags and
//! checksums of its own.
//!
//! What a NIC does wrong is data: the [`Cut`] says how long a segment's payload is, [`Quirks`] says
//! what happens to flags. Both are consulted here only.

use std::num::NonZeroU16;

use super::checksum::Sum;
use super::headers::SuperFrame;
use super::template::Template;
use crate::memory::{DmaError, DmaMemory, Gather};
use crate::net::{Batch, Metadata};

/// TCP flag: no more data from the sender.
pub const FIN: u8 = 0x01;
/// TCP flag: hand the data over now.
pub const PSH: u8 = 0x08;
/// TCP flag: congestion window reduced.
pub const CWR: u8 = 0x80;

/// The link MTU that the historical cut assumes, whatever the path.
const ASSUMED_MTU: usize = 1500;
/// The most bytes that the length field of an IP header can tell of.
const MAX_PACKET: usize = 65535;

/// How long a segment's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// What the driver asked for.
    Mss(NonZeroU16),
    /// 1500 bytes less the IP and TCP headers with their options, whatever the driver asked for.
    Mtu1500,
}

impl Cut {
    /// Payload bytes of every segment but the last. Never zero, and never more than fits an IP
    /// packet.
    pub fn payload(self, ip_header: usize, tcp_header: usize) -> usize {
        let room = |packet: usize| packet.saturating_sub(ip_header + tcp_header).max(1);
        match self {
            Self::Mss(mss) => usize::from(mss.get()).min(room(MAX_PACKET)),
            Self::Mtu1500 => room(ASSUMED_MTU),
        }
    }
}

/// How an engine departs from what TCP expects of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// PSH and FIN of a super-frame of several segments are lost, on the last one too.
    pub loses_push_and_fin: bool,
    /// CWR goes out on every segment instead of the first alone.
    pub repeats_cwr: bool,
    /// A super-frame without payload is swallowed instead of sent as it is.
    pub swallows_empty: bool,
}

impl Quirks {
    /// An engine that does what RFC 9293 and RFC 3168 ask.
    pub const NONE: Self =
        Self { loses_push_and_fin: false, repeats_cwr: false, swallows_empty: false };
    /// QEMU's rtl8139, all versions so far.
    pub const QEMU: Self =
        Self { loses_push_and_fin: true, repeats_cwr: true, swallows_empty: true };
}

/// What is to be done with a super-frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where to cut.
    pub cut: Cut,
    /// What to get wrong.
    pub quirks: Quirks,
    /// An 802.1Q tag (TCI) to insert into every segment.
    pub vlan: Option<u16>,
}

/// Cuts `frame`, which lies in `gather`, and pushes every segment on `batch`. Answers how many.
///
/// An error means that guest memory became unreachable on the way; the segments pushed before
/// stay on the batch. At most one segment a payload byte: 65,536 with the smallest cut.
pub fn segment(
    memory: &DmaMemory,
    frame: &SuperFrame,
    gather: &Gather,
    plan: Plan,
    batch: &mut Batch,
) -> Result<usize, DmaError> {
    let payload = frame.payload();
    if payload.is_empty() && plan.quirks.swallows_empty {
        return Ok(0);
    }
    let mut template = Template::new(frame, plan.vlan);
    let size = plan.cut.payload(frame.network().header, frame.tcp_header());
    let count = payload.len().div_ceil(size).max(1);
    let mut walk = gather.walk(memory, payload.start);
    for number in 0..count {
        let offset = number * size;
        let length = size.min(payload.len() - offset);
        let flags = flags(template.flags(), number, count, plan.quirks);
        let mut sum = Sum::default();
        batch.begin();
        walk.go(length, |piece, bytes| {
            batch.append(piece);
            sum.add_volatile(bytes);
        })?;
        let header = template.fill(number as u16, offset, flags, length, Some(sum));
        batch.finish(header, Metadata::default());
    }
    Ok(count)
}

fn flags(all: u8, number: usize, count: usize, quirks: Quirks) -> u8 {
    let ends = number + 1 == count && !(quirks.loses_push_and_fin && count > 1);
    let mut flags = all;
    if !ends {
        flags &= !(PSH | FIN);
    }
    if number > 0 && !quirks.repeats_cwr {
        flags &= !CWR;
    }
    flags
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
