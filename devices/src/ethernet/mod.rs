//! Bytes on a wire: checksums, headers, segmentation. Knows no device; both NICs and the path use it.
//!
//! How a frame passes: a NIC has a frame as pieces of guest memory. [`headers::Head`] copies its
//! front once and answers every question about it from that copy. [`offload::push`] then puts the
//! frame on a batch whole where the backend takes it unfinished, and otherwise finishes it:
//! [`segment::segment`] cuts a super-frame into frames of a small header and a range of payload
//! that stays in guest memory, and [`checksum::Sum`] fills in what the guest left open.

pub mod address;
pub mod checksum;
pub mod flow;
pub mod headers;
pub mod offload;
pub mod segment;
mod stretch;
mod template;

#[cfg(test)]
pub(crate) mod testing;
