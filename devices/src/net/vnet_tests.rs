use super::*;

/// A frame whose TCP header of 32 bytes starts at 34.
fn frame() -> Vec<u8> {
    let mut frame = vec![0; 14 + 20 + 32 + 3000];
    frame[34 + 12] = 8 << 4;
    frame
}

fn super_frame() -> Metadata {
    Metadata {
        partial_checksum: Some((34, 16)),
        gso: Some(Gso { kind: GsoKind::Tcp4, size: 1368, header_length: 66 }),
        verified: false,
    }
}

fn record(header: Header, frame: &[u8]) -> Vec<u8> {
    [&header.bytes()[..], frame].concat()
}

#[test]
fn a_super_frame_keeps_its_metadata_both_ways() {
    let header = Header::from(super_frame());
    assert_eq!(header.bytes(), [1, 1, 66, 0, 0x58, 5, 34, 0, 16, 0]);
    assert_eq!(parse(&record(header, &frame())), Some(super_frame()));
}

#[test]
fn the_length_of_headers_is_measured_not_believed() {
    let header = Header { headers: 2000, ..Header::from(super_frame()) };
    assert_eq!(parse(&record(header, &frame())), Some(super_frame()));
}

#[test]
fn a_plain_frame_has_plain_metadata() {
    assert_eq!(parse(&record(Header::default(), &frame())), Some(Metadata::default()));
}

#[test]
fn an_ecn_super_frame_is_a_super_frame() {
    let header = Header { kind: 0x81, ..Header::from(super_frame()) };
    assert_eq!(parse(&record(header, &frame())), Some(super_frame()));
}

#[test]
fn short_or_unknown_records_are_refused() {
    assert_eq!(parse(&[0; 9]), None);
    assert_eq!(parse(&[0; HEADER + 13]), None);
    assert_eq!(parse(&record(Header { kind: 3, ..Header::default() }, &frame())), None);
    let beyond = Header { kind: 1, start: 60_000, ..Header::default() };
    assert_eq!(parse(&record(beyond, &frame())), None);
}
