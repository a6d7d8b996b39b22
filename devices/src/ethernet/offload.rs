//! What a guest left to its NIC: handed on to a backend that can do it, done here otherwise.
//!
//! A frame arrives as a gather with [`Metadata`] beside it. [`push`] puts it on the batch in the
//! most finished form that is still needed: whole with its metadata where the backend's
//! [`Offloads`] carry what is asked, cut by [`segment()`] or with its checksum filled in where
//! they do not. So a NIC offers the same features whatever stands behind it.

use std::num::NonZeroU16;

use super::checksum::Sum;
use super::headers::{Extent, Head, Malformed, SuperFrame, Version};
use super::segment::{Cut, Plan, Quirks, segment};
use super::template::Template;
use crate::memory::{DmaError, DmaMemory, Gather};
use crate::net::{Batch, Gso, GsoKind, Metadata, Offloads};

/// How far into a frame a checksum to be filled in may lie: any header chain a host sends fits.
pub const MAX_CHECKSUM_AT: usize = 510;
/// Where the checksum stands in a TCP header.
const TCP_CHECKSUM_AT: u16 = 16;

/// Pushes the frame at byte `start` of `frame`: whole where `offloads` carry what `metadata` asks
/// for, in finished pieces otherwise.
///
/// Positions in `metadata` count from `start`. Nothing is pushed for a malformed frame.
pub fn push(
    memory: &DmaMemory,
    frame: &Gather,
    start: usize,
    metadata: Metadata,
    offloads: Offloads,
    batch: &mut Batch,
) -> Result<(), Malformed> {
    if let Some(gso) = metadata.gso {
        let head = Head::fetch(memory, frame, start)?;
        let network = head.network(Extent::Whole)?;
        let super_frame = SuperFrame::new(head, network, start)?;
        let kind = match network.version {
            Version::V4 => GsoKind::Tcp4,
            Version::V6 => GsoKind::Tcp6,
        };
        if gso.kind != kind {
            return Err(Malformed::Kind);
        }
        let mss = NonZeroU16::new(gso.size).ok_or(Malformed::SegmentSize)?;
        push_super(memory, &super_frame, frame, mss, None, offloads, batch)?;
        return Ok(());
    }
    if let Some((from, offset)) = metadata.partial_checksum {
        let (from, at) = (usize::from(from), usize::from(from) + usize::from(offset));
        if start + at + 2 > frame.len() || at > MAX_CHECKSUM_AT {
            return Err(Malformed::Checksum { start: from, at });
        }
        if !offloads.checksum {
            return fill_in(memory, frame, start, from, at, batch);
        }
    }
    batch.push(&[], frame, start..frame.len(), metadata);
    Ok(())
}

/// Pushes a super-frame for segments of `mss` payload bytes, with the 802.1Q tag `vlan` (TCI)
/// inserted: whole where `offloads` allow, in segments otherwise.
pub fn push_super(
    memory: &DmaMemory,
    frame: &SuperFrame,
    gather: &Gather,
    mss: NonZeroU16,
    vlan: Option<u16>,
    offloads: Offloads,
    batch: &mut Batch,
) -> Result<(), DmaError> {
    let payload = frame.payload();
    let (kind, taken) = match frame.network().version {
        Version::V4 => (GsoKind::Tcp4, offloads.tso4),
        Version::V6 => (GsoKind::Tcp6, offloads.tso6),
    };
    let mut template = Template::new(frame, vlan);
    let fits = u16::try_from(template.packet_length(payload.len())).is_ok();
    if !(taken && offloads.checksum && fits) {
        let plan = Plan { cut: Cut::Mss(mss), quirks: Quirks::NONE, vlan };
        segment(memory, frame, gather, plan, batch)?;
        return Ok(());
    }
    let at = template.transport_at() as u16;
    let flags = template.flags();
    let header = template.fill(0, 0, flags, payload.len(), None);
    // A frame of one segment is an ordinary one: kernels refuse a super-frame of a single piece.
    let gso = (payload.len() > usize::from(mss.get())).then_some(Gso {
        kind,
        size: mss.get(),
        header_length: header.len() as u16,
    });
    let partial_checksum = Some((at, TCP_CHECKSUM_AT));
    batch.push(header, gather, payload, Metadata { partial_checksum, gso, verified: false });
    Ok(())
}

/// Pushes a frame with the checksum of everything behind `from` stored at `at`, both counted from
/// `start` and within the frame. The field holds the sum of the pseudo-header.
fn fill_in(
    memory: &DmaMemory,
    frame: &Gather,
    start: usize,
    from: usize,
    at: usize,
    batch: &mut Batch,
) -> Result<(), Malformed> {
    let end = start + at + 2;
    let mut front = [0; MAX_CHECKSUM_AT + 2];
    let front = &mut front[..at + 2];
    frame.copy(memory, start..end, front)?;
    let mut sum = Sum::default();
    sum.add(&front[from..]);
    sum.append(frame.sum(memory, end..frame.len())?);
    // In UDP a zero says that there is no checksum; all ones counts as the same in all protocols.
    let checksum = if sum.finish() == 0 { 0xffff } else { sum.finish() };
    front[at..].copy_from_slice(&checksum.to_be_bytes());
    batch.push(front, frame, end..frame.len(), Metadata::default());
    Ok(())
}

#[cfg(test)]
#[path = "offload_tests.rs"]
mod tests;
