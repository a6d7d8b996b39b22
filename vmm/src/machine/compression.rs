//! The formats that Linux kernels and their modules are compressed with, told apart by content.
//!
//! What comes out is at most [`LIMIT`] bytes and decoders may not take more memory than that
//! either, whatever a file claims.

mod lz4;
mod lzop;
#[cfg(test)]
pub mod testing;

use std::fmt;
use std::io::{self, Read};

use liblzma::read::XzDecoder;
use liblzma::stream::Stream;

/// Most bytes that are unpacked: Linux gives its own image no more address space by default.
pub const LIMIT: usize = 512 << 20;
/// Largest window of zstd that is accepted; kernels are built with one of 128 MiB.
const ZSTD_WINDOW: u64 = 128 << 20;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip, RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// LZMA, the format before xz.
    Lzma,
    /// xz.
    Xz,
    /// LZO, as `lzop` writes it.
    Lzo,
    /// LZ4, as `lz4 -l` writes it.
    Lz4,
    /// Zstandard, RFC 8878.
    Zstd,
}

impl Compression {
    /// All formats with their first bytes.
    const MAGIC: [(Self, &'static [u8]); 7] = [
        (Self::Gzip, &[0x1f, 0x8b]),
        (Self::Bzip2, b"BZh"),
        (Self::Lzma, &[0x5d, 0, 0]),
        (Self::Xz, &[0xfd, b'7', b'z', b'X', b'Z', 0]),
        (Self::Lzo, &lzop::MAGIC),
        (Self::Lz4, &lz4::MAGIC),
        (Self::Zstd, &[0x28, 0xb5, 0x2f, 0xfd]),
    ];

    /// The format that `bytes` start as.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        Self::MAGIC.iter().find(|(_, magic)| bytes.starts_with(magic)).map(|(format, _)| *format)
    }

    /// Unpacks one stream of this format. What follows it is not looked at: a kernel's build
    /// appends the size.
    pub fn unpack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => limited(flate2::read::GzDecoder::new(bytes)),
            Self::Bzip2 => limited(bzip2::read::BzDecoder::new(bytes)),
            Self::Lzma => {
                let decoder = Stream::new_lzma_decoder(LIMIT as u64)?;
                limited(XzDecoder::new_stream(bytes, decoder))
            }
            Self::Xz => {
                let decoder = Stream::new_stream_decoder(LIMIT as u64, 0)?;
                limited(XzDecoder::new_stream(bytes, decoder))
            }
            Self::Lzo => lzop::unpack(bytes),
            Self::Lz4 => lz4::unpack(bytes),
            Self::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(
                    bytes,
                    ZSTD_WINDOW,
                );
                limited(decoder.map_err(io::Error::other)?)
            }
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "lzma",
            Self::Xz => "xz",
            Self::Lzo => "lzo",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

fn limited(decoder: impl Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    decoder.take(LIMIT as u64 + 1).read_to_end(&mut out)?;
    if out.len() > LIMIT { Err(too_large()) } else { Ok(out) }
}

fn too_large() -> io::Error {
    io::Error::other(format!("it unpacks to more than {} MiB", LIMIT >> 20))
}

fn truncated() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ends early")
}

#[cfg(test)]
#[path = "compression_tests.rs"]
mod tests;
