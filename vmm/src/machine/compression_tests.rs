use super::testing::{ALL, pack};
use super::*;

/// More than a block of any format but lz4, and not without structure.
fn data() -> Vec<u8> {
    (0..700_000u32).map(|number| ((number / 7) ^ (number % 251)) as u8).collect()
}

fn noise(length: u32) -> Vec<u8> {
    (0..length).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[test]
fn every_format_is_told_apart_and_unpacked() {
    for format in ALL {
        let packed = pack(format, &data());
        assert_eq!(Compression::detect(&packed), Some(format));
        assert!(format.unpack(&packed).unwrap() == data(), "{format}");
    }
}

#[test]
fn the_size_that_a_kernels_build_appends_is_passed_over() {
    for format in ALL {
        let mut packed = pack(format, &data());
        packed.extend(700_000u32.to_le_bytes());
        assert!(format.unpack(&packed).unwrap() == data(), "{format}");
    }
}

#[test]
fn what_does_not_get_shorter_is_unpacked_too() {
    for format in ALL {
        let packed = pack(format, &noise(70_000));
        assert!(format.unpack(&packed).unwrap() == noise(70_000), "{format}");
    }
}

#[test]
fn a_stream_that_ends_early_is_an_error() {
    for format in ALL {
        let packed = pack(format, &data());
        for length in [packed.len() / 2, packed.len() / 3, 20] {
            assert!(format.unpack(&packed[..length]).is_err(), "{format} of {length} bytes");
        }
    }
}

#[test]
fn damage_is_an_error_or_other_data_but_never_a_panic() {
    for format in ALL {
        let packed = pack(format, &data());
        for at in (0..packed.len()).step_by(packed.len() / 40 + 1) {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x55;
            assert!(format.unpack(&damaged).is_err() || at < damaged.len(), "{format} at {at}");
        }
    }
}

#[test]
fn a_small_file_that_unpacks_to_too_much_is_refused() {
    let block = lz4_flex::block::compress(&vec![0; 8 << 20]);
    let mut packed = lz4::MAGIC.to_vec();
    for _ in 0..=LIMIT / (8 << 20) {
        packed.extend((block.len() as u32).to_le_bytes());
        packed.extend(&block);
    }
    let error = Compression::Lz4.unpack(&packed).unwrap_err();
    assert_eq!(error.to_string(), "it unpacks to more than 512 MiB");
}

#[test]
fn an_lzo_block_that_claims_too_much_is_refused_before_it_is_made() {
    let mut packed = pack(Compression::Lzo, &[]);
    packed.truncate(packed.len() - 4);
    packed.extend([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9]);
    packed.extend([0; 64]);
    assert!(Compression::Lzo.unpack(&packed).is_err());
}

#[test]
fn what_has_no_known_start_has_no_format() {
    assert_eq!(Compression::detect(b"\x7fELF"), None);
    assert_eq!(Compression::detect(b""), None);
}
