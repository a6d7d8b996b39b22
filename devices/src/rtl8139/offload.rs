//! What the C+ chip does to a frame on its way out: checksums, segmentation, VLAN tag.
//!
//! The last descriptor of a frame says what is asked. The chip offloads plain IPv4 only; whatever
//! it does not understand leaves unchanged. What models get wrong is in [`Rules`].

use std::num::NonZeroU16;

use crate::ethernet::checksum::Sum;
use crate::ethernet::headers::{
    ETHERNET, ETHERTYPE_AT, Extent, Head, MAX_HEADERS, Network, SuperFrame, TAG, TCP, UDP, VLAN,
    Version,
};
use crate::ethernet::offload::push_super;
use crate::ethernet::segment::{Cut, Plan, Quirks, segment};
use crate::memory::{DmaError, DmaMemory, Gather};
use crate::net::{Batch, Metadata, Offloads};

pub use super::quirks::Offload as Rules;

/// Word 0: segment the frame.
pub const LARGE_SEND: u32 = 1 << 27;
/// Word 0: fill in the IP checksum.
pub const IP_CHECKSUM: u32 = 1 << 18;
/// Word 0: fill in the UDP checksum.
pub const UDP_CHECKSUM: u32 = 1 << 17;
/// Word 0: fill in the TCP checksum.
pub const TCP_CHECKSUM: u32 = 1 << 16;
/// Where the segment size stands in word 0.
pub const MSS_SHIFT: u32 = 16;
/// The bits of the segment size.
pub const MSS_MASK: u32 = 0x7ff;
/// Word 1: insert a tag.
pub const INSERT_TAG: u32 = 1 << 17;
/// The status bits of word 0 that the chip clears when it gives a descriptor back: OWN, UNF, TES,
/// OWC, LNKF and EXC.
pub const STATUS: u32 = 0x82f0_0000;

/// What the last descriptor of a frame asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its word 0.
    pub command: u32,
    /// Its word 1.
    pub tag: u32,
}

impl Request {
    /// The tag to insert (TCI). The descriptor has it in network byte order.
    pub fn vlan(self) -> Option<u16> {
        (self.tag & INSERT_TAG != 0).then_some((self.tag as u16).swap_bytes())
    }
}

/// Pushes `frame` on `batch` as the chip sends it.
pub fn push(
    memory: &DmaMemory,
    frame: &Gather,
    request: Request,
    rules: Rules,
    offloads: Offloads,
    batch: &mut Batch,
) -> Result<(), DmaError> {
    let vlan = request.vlan();
    let any = LARGE_SEND | IP_CHECKSUM | UDP_CHECKSUM | TCP_CHECKSUM;
    if request.command & any == 0 {
        return plain(memory, frame, vlan, batch);
    }
    let head = Head::fetch(memory, frame, 0)?;
    let network = match head.network(Extent::Stated) {
        Ok(network) if network.version == Version::V4 => network,
        _ => return plain(memory, frame, vlan, batch),
    };
    if rules.plain_only && network.at != ETHERNET {
        return plain(memory, frame, vlan, batch);
    }
    let command = if rules.clobbers_command { request.command & !STATUS } else { request.command };
    let large = command & LARGE_SEND != 0;
    let tcp = network.protocol == TCP;
    if let Some((whole, cut)) = super_frame(&head, network, command, rules) {
        return match cut {
            Cut::Mss(mss) if rules.segments == Quirks::NONE => {
                push_super(memory, &whole, frame, mss, vlan, offloads, batch)
            }
            _ => {
                let plan = Plan { cut, quirks: rules.segments, vlan };
                segment(memory, &whole, frame, plan, batch).map(drop)
            }
        };
    }
    let mut head = head;
    // Where the segment size is taken for what it is, its bits ask for nothing else.
    if rules.clobbers_command || !large {
        if command & IP_CHECKSUM != 0 {
            fill_in_network(&mut head, network);
        }
        if !(large && tcp) {
            fill_in_transport(memory, frame, &mut head, network, command, rules)?;
        }
    }
    let head = head.bytes();
    push_tagged(head, frame, head.len(), vlan, batch);
    Ok(())
}

/// The frame as a super-frame and where to cut it, if that is asked for and can be done.
fn super_frame(
    head: &Head,
    network: Network,
    command: u32,
    rules: Rules,
) -> Option<(SuperFrame, Cut)> {
    if command & LARGE_SEND == 0 {
        return None;
    }
    let frame = SuperFrame::new(head.clone(), network, 0).ok()?;
    if rules.assumes_mtu {
        return Some((frame, Cut::Mtu1500));
    }
    let mss = NonZeroU16::new((command >> MSS_SHIFT & MSS_MASK) as u16)?;
    Some((frame, Cut::Mss(mss)))
}

/// Pushes the frame as it is, but for the tag.
fn plain(
    memory: &DmaMemory,
    frame: &Gather,
    vlan: Option<u16>,
    batch: &mut Batch,
) -> Result<(), DmaError> {
    let mut addresses = [0; ETHERTYPE_AT];
    if vlan.is_none() || frame.len() < addresses.len() {
        batch.push(&[], frame, 0..frame.len(), Metadata::default());
        return Ok(());
    }
    frame.copy(memory, 0..addresses.len(), &mut addresses)?;
    push_tagged(&addresses, frame, addresses.len(), vlan, batch);
    Ok(())
}

/// Pushes `head`, with a tag behind the addresses, and what `frame` has from byte `from` on.
fn push_tagged(head: &[u8], frame: &Gather, from: usize, vlan: Option<u16>, batch: &mut Batch) {
    let rest = from..frame.len();
    let (Some(tci), Some((addresses, after))) = (vlan, head.split_at_checked(ETHERTYPE_AT)) else {
        return batch.push(head, frame, rest, Metadata::default());
    };
    let mut tagged = [0; MAX_HEADERS + TAG];
    let length = head.len() + TAG;
    tagged[..ETHERTYPE_AT].copy_from_slice(addresses);
    tagged[ETHERTYPE_AT..ETHERTYPE_AT + 2].copy_from_slice(&VLAN.to_be_bytes());
    tagged[ETHERTYPE_AT + 2..ETHERTYPE_AT + TAG].copy_from_slice(&tci.to_be_bytes());
    tagged[ETHERTYPE_AT + TAG..length].copy_from_slice(after);
    batch.push(&tagged[..length], frame, rest, Metadata::default());
}

fn fill_in_network(head: &mut Head, network: Network) {
    let header = &mut head.bytes_mut()[network.at..network.transport_at()];
    header[10..12].fill(0);
    let mut sum = Sum::default();
    sum.add(header);
    header[10..12].copy_from_slice(&sum.finish().to_be_bytes());
}

fn fill_in_transport(
    memory: &DmaMemory,
    frame: &Gather,
    head: &mut Head,
    network: Network,
    command: u32,
    rules: Rules,
) -> Result<(), DmaError> {
    let (asked, header, offset) = match network.protocol {
        TCP => (TCP_CHECKSUM, 20, 16),
        UDP => (UDP_CHECKSUM, 8, 6),
        _ => return Ok(()),
    };
    if command & asked == 0 || (network.length < header && !rules.checksums_stumps) {
        return Ok(());
    }
    let mut sum = head.pseudo_header(&network);
    sum.add_u16(network.length as u16);
    let (start, end) = (network.transport_at(), network.transport_at() + network.length);
    let field = start + offset..start + offset + 2;
    let bytes = head.bytes_mut();
    bytes.iter_mut().take(field.end).skip(field.start).for_each(|byte| *byte = 0);
    let split = end.min(bytes.len());
    sum.add(&bytes[start..split]);
    sum.append(frame.sum(memory, split..end)?);
    let mut checksum = sum.finish();
    if checksum == 0 && network.protocol == UDP && !rules.zero_udp_checksum {
        checksum = 0xffff;
    }
    let places = bytes.iter_mut().skip(field.start);
    places.zip(checksum.to_be_bytes()).for_each(|(byte, value)| *byte = value);
    Ok(())
}

#[cfg(test)]
#[path = "offload_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "measured_tests.rs"]
mod measured_tests;
