use proptest::prelude::*;

use super::*;

const ALL: u64 = CSUM | HOST_TSO4 | HOST_TSO6 | HOST_ECN;

fn bytes(flags: u8, gso: u8, size: u16, start: u16, offset: u16) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    (bytes[0], bytes[1]) = (flags, gso);
    bytes[4..6].copy_from_slice(&size.to_le_bytes());
    bytes[6..8].copy_from_slice(&start.to_le_bytes());
    bytes[8..10].copy_from_slice(&offset.to_le_bytes());
    bytes
}

#[test]
fn a_header_of_zeroes_asks_for_nothing() {
    assert_eq!(parse(&[0; LENGTH], 0, 60), Ok(Metadata::default()));
}

#[test]
fn a_super_frame_names_its_kind_and_segment_size() {
    let metadata = parse(&bytes(1, 0x81, 1368, 34, 16), ALL, 60_000).unwrap();
    assert_eq!(metadata.partial_checksum, Some((34, 16)));
    assert_eq!(metadata.gso.map(|gso| (gso.kind, gso.size)), Some((GsoKind::Tcp4, 1368)));
}

#[test]
fn what_was_not_negotiated_is_refused() {
    let cases = [
        (bytes(1, 0, 0, 34, 16), 0),
        (bytes(1, 1, 1368, 34, 16), CSUM | HOST_TSO6),
        (bytes(1, 4, 1368, 34, 16), CSUM | HOST_TSO4),
        (bytes(1, 0x81, 1368, 34, 16), CSUM | HOST_TSO4),
        (bytes(1, 3, 1368, 34, 6), ALL),
        (bytes(1, 5, 1368, 34, 6), ALL),
        (bytes(1, 0x7f, 1368, 34, 6), ALL),
    ];
    for (header, features) in cases {
        assert!(matches!(parse(&header, features, 60_000), Err(Lie::Unnegotiated { .. })));
    }
}

#[test]
fn a_checksum_outside_the_frame_or_in_the_ethernet_header_is_refused() {
    for (start, offset) in [(34, 25), (60, 0), (59, 0), (13, 0), (u16::MAX, u16::MAX)] {
        let header = bytes(1, 0, 0, start, offset);
        let refused = Err(Lie::Checksum { start, offset, length: 60 });
        assert_eq!(parse(&header, ALL, 60), refused);
    }
    assert!(parse(&bytes(1, 0, 0, 34, 24), ALL, 60).is_ok());
}

#[test]
fn segments_of_no_bytes_and_segments_without_checksum_are_refused() {
    assert_eq!(parse(&bytes(1, 1, 0, 34, 16), ALL, 60), Err(Lie::SegmentSize));
    assert_eq!(parse(&bytes(0, 1, 9, 34, 16), ALL, 60), Err(Lie::SegmentsWithoutChecksum));
}

#[test]
fn a_received_super_frame_is_only_for_drivers_that_take_it() {
    let gso = Some(Gso { kind: GsoKind::Tcp4, size: 1448, header_length: 66 });
    let metadata = Metadata { partial_checksum: Some((34, 16)), gso, verified: false };
    assert_eq!(build(metadata, GUEST_CSUM | GUEST_TSO6, 1), None);
    let built = build(metadata, GUEST_CSUM | GUEST_TSO4, 3).unwrap();
    assert_eq!(built, [1, 1, 66, 0, 0xa8, 0x05, 34, 0, 16, 0, 3, 0]);
}

#[test]
fn good_checksums_are_told_to_drivers_that_listen() {
    let metadata = Metadata { verified: true, ..Metadata::default() };
    assert_eq!(build(metadata, GUEST_CSUM, 1).unwrap()[0], DATA_VALID);
    assert_eq!(build(metadata, 0, 1).unwrap()[0], 0);
}

proptest! {
    #[test]
    fn what_parses_lies_within_the_frame(
        header: [u8; LENGTH], features: u64, length in 0usize..70_000,
    ) {
        if let Ok(metadata) = parse(&header, features, length) {
            if let Some((start, offset)) = metadata.partial_checksum {
                prop_assert!(usize::from(start) + usize::from(offset) + 2 <= length);
            }
            prop_assert!(metadata.gso.is_none_or(|gso| gso.size > 0));
        }
    }
}
