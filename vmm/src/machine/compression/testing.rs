//! Packs test data in each format.

use std::io::{Read, Write};

use liblzma::stream::{LzmaOptions, Stream};

use super::{Compression, lz4, lzop};

/// All formats.
pub const ALL: [Compression; 7] = [
    Compression::Gzip,
    Compression::Bzip2,
    Compression::Lzma,
    Compression::Xz,
    Compression::Lzo,
    Compression::Lz4,
    Compression::Zstd,
];

/// Packs `data`.
pub fn pack(format: Compression, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match format {
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap();
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::read::BzEncoder::new(data, bzip2::Compression::fast());
            encoder.read_to_end(&mut out).unwrap();
        }
        Compression::Lzma => {
            let options = LzmaOptions::new_preset(1).unwrap();
            let encoder = Stream::new_lzma_encoder(&options).unwrap();
            liblzma::read::XzEncoder::new_stream(data, encoder).read_to_end(&mut out).unwrap();
        }
        Compression::Xz => {
            liblzma::read::XzEncoder::new(data, 1).read_to_end(&mut out).unwrap();
        }
        Compression::Lzo => out = lzo(data),
        Compression::Lz4 => {
            let block = lz4_flex::block::compress(data);
            out = [&lz4::MAGIC[..], &(block.len() as u32).to_le_bytes(), &block].concat();
        }
        Compression::Zstd => {
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            out = ruzstd::encoding::compress_to_vec(data, level);
        }
    }
    out
}

/// As `lzop` does it: data that does not get shorter is stored.
fn lzo(data: &[u8]) -> Vec<u8> {
    let mut out = lzop::MAGIC.to_vec();
    out.extend([0x10, 0x40, 0x20, 0xa0, 0x09, 0x40, 1, 5]); // versions, method, level
    out.extend(0x3u32.to_be_bytes()); // checksums of both kinds
    out.extend([0; 12]); // mode, time
    out.extend([3, b'k', b'e', b'r', 0, 0, 0, 0]); // name, checksum
    for block in data.chunks(256 << 10) {
        let packed = lzokay::compress::compress(block).unwrap();
        let shorter = packed.len() < block.len();
        let packed = if shorter { &packed } else { block };
        out.extend((block.len() as u32).to_be_bytes());
        out.extend((packed.len() as u32).to_be_bytes());
        out.extend([0; 4]);
        out.extend(if shorter { &[0; 4][..] } else { &[] });
        out.extend(packed);
    }
    out.extend([0; 4]);
    out
}
