use proptest::prelude::*;

use super::super::headers::{Extent, Head};
use super::super::testing::{Segment, Spec, frames, memory, parse, pattern, scatter};
use super::*;

const QEMU_CUT: Plan = Plan { cut: Cut::Mtu1500, quirks: Quirks::QEMU, vlan: None };

fn mss(mss: u16) -> Plan {
    let cut = Cut::Mss(NonZeroU16::new(mss).unwrap());
    Plan { cut, quirks: Quirks::NONE, vlan: None }
}

fn cut(spec: &Spec, plan: Plan, pieces: &[usize]) -> Vec<Segment> {
    let memory = memory();
    let gather = scatter(&memory, &spec.build(), pieces);
    let head = Head::fetch(&memory, &gather, 0).unwrap();
    let network = head.network(Extent::Stated).unwrap();
    let frame = SuperFrame::new(head, network, 0).unwrap();
    let mut batch = Batch::default();
    let count = segment(&memory, &frame, &gather, plan, &mut batch).unwrap();
    assert_eq!(count, batch.len());
    frames(&memory, &batch).iter().map(|(bytes, _)| parse(bytes)).collect()
}

fn lengths(segments: &[Segment]) -> Vec<usize> {
    segments.iter().map(|segment| segment.length).collect()
}

#[test]
fn both_cuts_agree_on_a_plain_header_and_mss_1460() {
    let spec = Spec::default();
    for plan in [QEMU_CUT, Plan { quirks: Quirks::QEMU, ..mss(1460) }] {
        let segments = cut(&spec, plan, &[65536]);
        assert_eq!(lengths(&segments), [1514, 1514, 1230]);
        let ids: Vec<u16> = segments.iter().map(|segment| segment.id).collect();
        assert_eq!(ids, [0x1234, 0x1235, 0x1236]);
        let seqs: Vec<u32> = segments.iter().map(|segment| segment.seq).collect();
        assert_eq!(seqs, [1000, 2460, 3920]);
        let flags: Vec<u8> = segments.iter().map(|segment| segment.flags).collect();
        assert_eq!(flags, [0x10, 0x10, 0x10]);
    }
}

#[test]
fn the_historical_cut_ignores_the_mss_and_makes_room_for_options() {
    let timestamps = Spec { tcp_options: 12, payload: pattern(3000), ..Spec::default() };
    assert_eq!(lengths(&cut(&timestamps, QEMU_CUT, &[700])), [1514, 1514, 170]);
    let both = Spec { ip_options: 4, tcp_options: 12, ..Spec::default() };
    assert_eq!(cut(&both, QEMU_CUT, &[700])[0].payload.len(), 1444);
    let small = Spec { payload: pattern(1500), ..Spec::default() };
    assert_eq!(lengths(&cut(&small, QEMU_CUT, &[700])), [1514, 94]);
    let large = Spec { payload: pattern(60000), ..Spec::default() };
    assert_eq!(cut(&large, QEMU_CUT, &[4096]).len(), 42);
}

#[test]
fn the_corrected_cut_obeys_the_mss() {
    let timestamps = Spec { tcp_options: 12, payload: pattern(3000), ..Spec::default() };
    assert_eq!(lengths(&cut(&timestamps, mss(1000), &[700])), [1066, 1066, 1066]);
    let small = Spec { payload: pattern(1500), ..Spec::default() };
    assert_eq!(lengths(&cut(&small, mss(536), &[700])), [590, 590, 482]);
    let large = Spec { payload: pattern(60000), ..Spec::default() };
    assert_eq!(cut(&large, mss(1460), &[4096]).len(), 42);
    assert_eq!(cut(&large, mss(2047), &[4096])[0].length, 2101);
    assert_eq!(cut(&small, mss(1), &[700])[0].length, 55);
}

#[test]
fn push_and_fin_stay_on_the_last_segment_and_cwr_on_the_first() {
    let spec = Spec { flags: 0xf9, ..Spec::default() };
    let flags: Vec<u8> = cut(&spec, mss(1460), &[999]).iter().map(|s| s.flags).collect();
    assert_eq!(flags, [0xf0, 0x70, 0x79]);
}

#[test]
fn qemu_loses_push_and_fin_and_repeats_cwr() {
    let spec = Spec { flags: 0xf8, ..Spec::default() };
    let flags: Vec<u8> = cut(&spec, QEMU_CUT, &[999]).iter().map(|s| s.flags).collect();
    assert_eq!(flags, [0xf0, 0xf0, 0xf0]);
}

#[test]
fn a_super_frame_of_one_segment_keeps_its_flags_even_with_quirks() {
    let spec = Spec { payload: pattern(100), ..Spec::default() };
    assert_eq!(cut(&spec, QEMU_CUT, &[99])[0].flags, 0x19);
    assert_eq!(cut(&spec, mss(1460), &[99])[0].flags, 0x19);
}

#[test]
fn identification_and_sequence_wrap() {
    let spec = Spec { id: 0xffff, seq: 0xffff_ff00, ..Spec::default() };
    let segments = cut(&spec, mss(1460), &[100]);
    assert_eq!((segments[1].id, segments[1].seq), (0, 1204));
}

#[test]
fn without_payload_the_header_goes_out_alone_unless_the_quirk_swallows_it() {
    let spec = Spec { payload: Vec::new(), flags: 0x10, ..Spec::default() };
    assert_eq!(lengths(&cut(&spec, mss(1460), &[100])), [54]);
    assert!(cut(&spec, QEMU_CUT, &[100]).is_empty());
}

#[test]
fn a_tag_goes_into_every_segment() {
    let plan = Plan { vlan: Some(0x0123), ..QEMU_CUT };
    let segments = cut(&Spec::default(), plan, &[100]);
    assert_eq!(lengths(&segments), [1518, 1518, 1234]);
    assert!(segments.iter().all(|segment| segment.vlan == Some(0x123)));
}

#[test]
fn bytes_beyond_the_ip_length_are_not_sent() {
    let memory = memory();
    let mut bytes = Spec { payload: pattern(10), ..Spec::default() }.build();
    bytes.extend([0xee; 50]);
    let gather = scatter(&memory, &bytes, &[33]);
    let head = Head::fetch(&memory, &gather, 0).unwrap();
    let network = head.network(Extent::Stated).unwrap();
    let frame = SuperFrame::new(head, network, 0).unwrap();
    let mut batch = Batch::default();
    segment(&memory, &frame, &gather, mss(536), &mut batch).unwrap();
    assert_eq!(parse(&frames(&memory, &batch)[0].0).payload, pattern(10));
}

#[test]
fn memory_that_closes_on_the_way_ends_the_cutting() {
    let memory = memory();
    let gather = scatter(&memory, &Spec::default().build(), &[1000]);
    let head = Head::fetch(&memory, &gather, 0).unwrap();
    let network = head.network(Extent::Stated).unwrap();
    let frame = SuperFrame::new(head, network, 0).unwrap();
    memory.set_enabled(false);
    let result = segment(&memory, &frame, &gather, mss(536), &mut Batch::default());
    assert_eq!(result, Err(DmaError::Disabled));
}

prop_compose! {
    fn any_spec()(
        ipv6: bool,
        vlan in proptest::option::of(0u16..4095),
        ip_options in 0usize..11,
        tcp_options in 0usize..11,
        id: u16,
        seq: u32,
        flags: u8,
        payload in 0usize..20000,
        seed: u8,
    ) -> Spec {
        let ip_options = if ipv6 { 0 } else { 4 * ip_options };
        let payload = pattern(payload).into_iter().map(|byte| byte ^ seed).collect();
        Spec { ipv6, vlan, ip_options, tcp_options: 4 * tcp_options, id, seq, flags, payload }
    }
}

fn any_cut() -> impl Strategy<Value = Cut> {
    let mss = (1u16..2048).prop_map(|mss| Cut::Mss(NonZeroU16::new(mss).unwrap()));
    let small = (1u16..40).prop_map(|mss| Cut::Mss(NonZeroU16::new(mss).unwrap()));
    prop_oneof![8 => mss, 1 => small, 2 => Just(Cut::Mtu1500), 1 => Just(Cut::Mss(NonZeroU16::MAX))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn segments_reassemble_to_the_super_frame_and_fit_the_cut(
        spec in any_spec(),
        cut_at in any_cut(),
        quirky: bool,
        pieces in proptest::collection::vec(1usize..3000, 1..8),
    ) {
        let quirks = if quirky { Quirks::QEMU } else { Quirks::NONE };
        let segments = cut(&spec, Plan { cut: cut_at, quirks, vlan: None }, &pieces);
        let ip = if spec.ipv6 { 40 } else { 20 + spec.ip_options };
        let most = cut_at.payload(ip, 20 + spec.tcp_options);
        let mut whole: Vec<u8> = Vec::new();
        for (number, segment) in segments.iter().enumerate() {
            prop_assert!(segment.payload.len() <= most);
            prop_assert_eq!(segment.seq, spec.seq.wrapping_add(whole.len() as u32));
            let id = if spec.ipv6 { 0 } else { spec.id.wrapping_add(number as u16) };
            prop_assert_eq!(segment.id, id);
            prop_assert_eq!(segment.vlan, spec.vlan);
            prop_assert_eq!(segment.length, spec.headers() + segment.payload.len());
            let last = number + 1 == segments.len();
            let kept = last && (!quirky || segments.len() == 1);
            let mut flags = if kept { spec.flags } else { spec.flags & !(PSH | FIN) };
            if number > 0 && !quirky {
                flags &= !CWR;
            }
            prop_assert_eq!(segment.flags, flags);
            whole.extend(&segment.payload);
        }
        prop_assert_eq!(whole, spec.payload);
    }
}
