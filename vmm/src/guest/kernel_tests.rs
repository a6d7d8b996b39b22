use std::io::Write;

use super::*;

/// A bzImage with one sector of setup code that holds `payload`.
fn bzimage(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 1024 + 16];
    image[SETUP_SECTORS] = 1;
    image[HEADER_MAGIC..HEADER_MAGIC + 4].copy_from_slice(b"HdrS");
    image[PAYLOAD_OFFSET] = 16;
    image[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4]
        .copy_from_slice(&(payload.len() as u32).to_le_bytes());
    image.extend_from_slice(payload);
    image
}

fn kernel() -> Vec<u8> {
    [ELF_MAGIC, &[7; 5000]].concat()
}

#[test]
fn an_elf_file_stays_as_it_is() {
    assert_eq!(unpack(kernel()).unwrap(), kernel());
}

#[test]
fn gzip_is_unpacked() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&kernel()).unwrap();
    let mut payload = encoder.finish().unwrap();
    payload.extend_from_slice(&5004u32.to_le_bytes());
    assert_eq!(unpack(bzimage(&payload)).unwrap(), kernel());
}

#[test]
fn xz_is_unpacked() {
    let mut payload = Vec::new();
    liblzma::read::XzEncoder::new(kernel().as_slice(), 1).read_to_end(&mut payload).unwrap();
    payload.extend_from_slice(&5004u32.to_le_bytes());
    assert_eq!(unpack(bzimage(&payload)).unwrap(), kernel());
}

#[test]
fn zstd_is_unpacked() {
    let mut payload = ruzstd::encoding::compress_to_vec(
        kernel().as_slice(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    payload.extend_from_slice(&5004u32.to_le_bytes());
    assert_eq!(unpack(bzimage(&payload)).unwrap(), kernel());
}

#[test]
fn lz4_is_unpacked() {
    let block = lz4_flex::block::compress(&kernel());
    let mut payload = vec![0x02, 0x21, 0x4c, 0x18];
    payload.extend_from_slice(&(block.len() as u32).to_le_bytes());
    payload.extend_from_slice(&block);
    payload.extend_from_slice(&5004u32.to_le_bytes());
    assert_eq!(unpack(bzimage(&payload)).unwrap(), kernel());
}

#[test]
fn what_is_no_kernel_is_told() {
    assert_eq!(unpack(b"hello".to_vec()).unwrap_err(), "it is neither an ELF file nor a bzImage");
    assert_eq!(unpack(bzimage(b"nonsense!")).unwrap_err(), "unknown compression (6e 6f 6e 73)");
    let mut cut = bzimage(b"nonsense!");
    cut.truncate(1030);
    assert_eq!(unpack(cut).unwrap_err(), "its setup header points outside of the file");
}
