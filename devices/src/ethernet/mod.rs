//! Bytes on a wire: checksums, headers, segmentation. Knows no device; both NICs and the path use it.

pub mod checksum;
