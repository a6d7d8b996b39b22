use std::collections::BTreeMap;

use super::*;
use crate::lab::outcome::GuestFigures;
use crate::lab::testing;

fn run(path: PathFigures) -> RunOutcome {
    let offloads = BTreeMap::from([("tcp-segmentation-offload".to_owned(), true)]);
    let guest = GuestFigures { offloads, ..GuestFigures::default() };
    RunOutcome { guest, ..testing::run(1, 100_000.0, path) }
}

fn judge(run: &RunOutcome) -> Verdict {
    Verdict::of(run, &testing::arm("rtl8139").facts())
}

/// What the historical cut leaves behind, as measured.
fn cut_at_1500() -> PathFigures {
    PathFigures {
        frag_needed_sent: 210,
        frag_needed_last_third: 70,
        over_mtu_dropped: 210,
        over_mtu_last_third: 70,
        fragments_sent: 0,
        segment_sizes: BTreeMap::from([(1288, 208), (1368, 2585), (1448, 210)]),
        other_drops: BTreeMap::new(),
    }
}

#[test]
fn packets_too_big_to_the_end_are_a_nic_that_ignores_the_path() {
    let verdict = judge(&run(cut_at_1500()));
    assert_eq!(verdict.finding, Finding::IgnoresPathMtu);
    assert_eq!(
        verdict.sentence,
        "sent 1448-byte payloads (1500-byte packets) until the end, though 210 ICMP errors said that \
         the path takes 1420: 210 packets dropped, 70 of them in the last third; 2.42 KB got through \
         in a round trip of 24.2 ms; the guest knew better \
         (2585 segments it cut itself carry 1368 bytes), its NIC cut super-frames at 1500 (210 \
         segments)"
    );
}

#[test]
fn without_segmentation_offload_no_nic_is_blamed_for_the_cut() {
    let mut run = run(cut_at_1500());
    run.guest.offloads.clear();
    assert!(!judge(&run).sentence.contains("super-frames"));
}

#[test]
fn packets_too_big_to_the_end_without_icmp_are_a_black_hole() {
    let verdict = judge(&run(PathFigures { frag_needed_sent: 0, ..cut_at_1500() }));
    assert_eq!(verdict.finding, Finding::BlackHole);
}

#[test]
fn a_few_packets_too_big_at_the_start_are_a_path_learned() {
    let verdict = judge(&run(PathFigures {
        frag_needed_sent: 1,
        over_mtu_dropped: 2,
        segment_sizes: BTreeMap::from([(0, 500), (1368, 98), (1448, 2)]),
        ..PathFigures::default()
    }));
    assert_eq!(verdict.finding, Finding::LearnedPathMtu);
    assert_eq!(
        verdict.sentence,
        "learned the path's MTU of 1420: 2 packets too big at the start, 1 ICMP error, none in the last \
         third; then 98 % of segments carry 1368 bytes"
    );
}

#[test]
fn fragments_are_told_as_such() {
    let verdict = judge(&run(PathFigures {
        fragments_sent: 4000,
        segment_sizes: BTreeMap::from([(1448, 2000)]),
        ..PathFigures::default()
    }));
    assert_eq!(verdict.finding, Finding::FragmentedOnTheWay);
    assert!(verdict.sentence.contains("cut into 4000 fragments"), "{}", verdict.sentence);
}

#[test]
fn a_path_that_is_never_exceeded_is_told_as_such() {
    let sizes = BTreeMap::from([(1448, 3000)]);
    let verdict = judge(&run(PathFigures { segment_sizes: sizes, ..PathFigures::default() }));
    assert_eq!(verdict.finding, Finding::Fits);
}

#[test]
fn when_nothing_arrives_nothing_else_is_concluded() {
    let verdict = judge(&RunOutcome { bytes: 0, ..run(cut_at_1500()) });
    assert_eq!(verdict.finding, Finding::NothingArrived);
}
