use super::super::testing::{Spec, frames, memory, parse, pattern, scatter};
use super::*;
use crate::memory::DmaError;

const ALL: Offloads = Offloads { checksum: true, tso4: true, tso6: true };
const HEADER: usize = 12;

fn gso(kind: GsoKind, size: u16) -> Metadata {
    let gso = Some(Gso { kind, size, header_length: 54 });
    Metadata { partial_checksum: Some((34, 16)), gso, verified: false }
}

fn pushed(
    frame: &[u8],
    metadata: Metadata,
    offloads: Offloads,
) -> Result<Vec<(Vec<u8>, Metadata)>, Malformed> {
    let memory = memory();
    let mut bytes = vec![0xaa; HEADER];
    bytes.extend(frame);
    let gather = scatter(&memory, &bytes, &[100, 7]);
    let mut batch = Batch::default();
    let result = push(&memory, &gather, HEADER, metadata, offloads, &mut batch);
    let sent = frames(&memory, &batch);
    result.map(|()| sent).inspect_err(|_| assert!(batch.is_empty()))
}

#[test]
fn a_frame_that_asks_for_nothing_passes_unchanged() {
    let frame = pattern(60);
    let sent = pushed(&frame, Metadata::default(), Offloads::default()).unwrap();
    assert_eq!(sent, [(frame, Metadata::default())]);
}

#[test]
fn a_super_frame_passes_whole_where_the_backend_takes_it() {
    let spec = Spec::default();
    let sent = pushed(&spec.build(), gso(GsoKind::Tcp4, 1000), ALL).unwrap();
    let (bytes, metadata) = &sent[0];
    assert_eq!(sent.len(), 1);
    assert_eq!(bytes.len(), spec.build().len());
    assert_eq!(*metadata, gso(GsoKind::Tcp4, 1000));
    // The checksum field holds the pseudo-header's sum: completing it gives a sound frame.
    let done = pushed(
        bytes,
        Metadata { partial_checksum: metadata.partial_checksum, ..Metadata::default() },
        Offloads::default(),
    );
    assert_eq!(parse(&done.unwrap()[0].0).payload, spec.payload);
}

#[test]
fn a_super_frame_is_cut_where_the_backend_does_not_take_its_kind() {
    let six = Spec { ipv6: true, ..Spec::default() };
    let only4 = Offloads { tso6: false, ..ALL };
    let sent = pushed(&six.build(), gso(GsoKind::Tcp6, 1000), only4).unwrap();
    let sizes: Vec<usize> = sent.iter().map(|(bytes, _)| parse(bytes).payload.len()).collect();
    assert_eq!(sizes, [1000, 1000, 1000, 1000, 96]);
    assert!(sent.iter().all(|(_, metadata)| *metadata == Metadata::default()));
}

#[test]
fn a_super_frame_of_one_segment_is_passed_on_as_an_ordinary_frame() {
    let spec = Spec { payload: pattern(900), ..Spec::default() };
    let sent = pushed(&spec.build(), gso(GsoKind::Tcp4, 1000), ALL).unwrap();
    assert_eq!(sent[0].1.gso, None);
    assert_eq!(sent[0].1.partial_checksum, Some((34, 16)));
}

#[test]
fn the_length_in_a_super_frames_ip_header_may_be_left_open() {
    let mut frame = Spec::default().build();
    frame[16..18].fill(0);
    let sent = pushed(&frame, gso(GsoKind::Tcp4, 1460), Offloads::default()).unwrap();
    assert_eq!(parse(&sent[2].0).length, 1230);
}

#[test]
fn a_partial_checksum_is_filled_in_where_the_backend_does_not_take_it() {
    let spec = Spec { payload: pattern(333), ..Spec::default() };
    let partial = gso(GsoKind::Tcp4, 1000).partial_checksum;
    let metadata = Metadata { partial_checksum: partial, ..Metadata::default() };
    let mut prepared = pushed(&spec.build(), gso(GsoKind::Tcp4, 1000), ALL).unwrap().remove(0).0;
    let sent = pushed(&prepared, metadata, Offloads::default()).unwrap();
    assert_eq!(parse(&sent[0].0).payload, spec.payload);
    assert_eq!(sent[0].1, Metadata::default());

    prepared = spec.build();
    let sent = pushed(&prepared, metadata, ALL).unwrap();
    assert_eq!(sent, [(prepared, metadata)]);
}

#[test]
fn a_checksum_of_zero_goes_out_as_all_ones() {
    let metadata = Metadata { partial_checksum: Some((14, 6)), ..Metadata::default() };
    let mut frame = vec![0; 60];
    frame[14..16].fill(0xff);
    let sent = pushed(&frame, metadata, Offloads::default()).unwrap();
    assert_eq!(sent[0].0[20..22], [0xff, 0xff]);
}

#[test]
fn malformed_frames_push_nothing_and_say_why() {
    let spec = Spec::default();
    let four = gso(GsoKind::Tcp4, 1000);
    let refuse = |change: fn(&mut Vec<u8>), metadata| {
        let mut frame = spec.build();
        change(&mut frame);
        pushed(&frame, metadata, Offloads::default()).unwrap_err()
    };
    assert_eq!(refuse(|_| (), gso(GsoKind::Tcp4, 0)), Malformed::SegmentSize);
    assert_eq!(refuse(|_| (), gso(GsoKind::Tcp6, 1000)), Malformed::Kind);
    assert_eq!(refuse(|f| f.truncate(5), four), Malformed::Short { have: 5, need: 14 });
    assert_eq!(refuse(|f| f.truncate(30), four), Malformed::Short { have: 30, need: 34 });
    assert_eq!(refuse(|f| f[13] = 6, four), Malformed::NotIp(0x0806));
    assert_eq!(refuse(|f| f[14] = 0x65, four), Malformed::Version(6));
    assert_eq!(refuse(|f| f[14] = 0x44, four), Malformed::IpHeader(16));
    assert_eq!(refuse(|f| f[23] = 17, four), Malformed::NotTcp(17));
    assert_eq!(refuse(|f| f[46] = 0x40, four), Malformed::TcpHeader(16));
    let short = refuse(|f| f.truncate(40), four);
    assert_eq!(short, Malformed::TcpHeader(6));
}

#[test]
fn a_checksum_beyond_the_frame_or_deep_inside_it_is_refused_whatever_the_backend() {
    for offloads in [Offloads::default(), ALL] {
        for (place, at) in [((59, 0), 59), ((65535, 65535), 131070), ((500, 11), 511)] {
            let metadata = Metadata { partial_checksum: Some(place), ..Metadata::default() };
            let refused = pushed(&[0; 60], metadata, offloads).unwrap_err();
            assert_eq!(refused, Malformed::Checksum { start: usize::from(place.0), at });
        }
    }
}

#[test]
fn a_start_beyond_the_frame_is_a_short_frame() {
    let memory = memory();
    let gather = scatter(&memory, &[0; 8], &[8]);
    let mut batch = Batch::default();
    let four = gso(GsoKind::Tcp4, 1000);
    let refused = push(&memory, &gather, 12, four, ALL, &mut batch).unwrap_err();
    assert_eq!(refused, Malformed::Short { have: 0, need: 14 });
}

#[test]
fn closed_memory_is_reported() {
    let memory = memory();
    let gather = scatter(&memory, &Spec::default().build(), &[100]);
    memory.set_enabled(false);
    let mut batch = Batch::default();
    let refused = push(&memory, &gather, 0, gso(GsoKind::Tcp4, 9), ALL, &mut batch).unwrap_err();
    assert_eq!(refused, Malformed::Dma(DmaError::Disabled));
}
