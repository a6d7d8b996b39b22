use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn counted(bytes: u64, icmp: u64, sizes: &[(u16, u64)]) -> Counters {
    Counters {
        bytes_to_client: bytes,
        frag_needed_sent: icmp,
        over_mtu_dropped: icmp,
        fragments_sent: 0,
        segment_sizes: sizes.iter().copied().collect(),
        other_drops: BTreeMap::new(),
    }
}

/// Readings one second apart.
fn readings(counters: Vec<Counters>) -> (Readings, Instant) {
    let base = Instant::now();
    let at = |index: usize| base + SECOND * index as u32;
    let readings = counters.into_iter().enumerate();
    let readings = readings.map(|(i, counters)| Reading { at: at(i), counters }).collect();
    let log = Arc::new(Mutex::new(Log { readings, unreadable: None }));
    (Readings { log, thread: None }, base)
}

#[test]
fn only_what_was_counted_meanwhile_is_told() {
    let (readings, base) = readings(vec![
        counted(100, 1, &[(1448, 1), (100, 7)]),
        counted(1000, 3, &[(1448, 3), (100, 7)]),
        counted(5000, 4, &[(1448, 4), (100, 7), (1368, 2)]),
    ]);
    let figures = readings.between(base, base + SECOND * 2);
    assert_eq!(figures.frag_needed_sent, 3);
    assert_eq!(figures.segment_sizes, BTreeMap::from([(1368, 2), (1448, 3)]));
}

#[test]
fn the_last_third_has_what_came_at_the_end() {
    let icmp = [0, 10, 20, 30, 40, 50, 60];
    let (readings, base) = readings(icmp.map(|icmp| counted(0, icmp, &[])).to_vec());
    let figures = readings.between(base, base + SECOND * 6);
    assert_eq!((figures.frag_needed_sent, figures.frag_needed_last_third), (60, 20));
}

#[test]
fn a_start_seen_late_is_not_moved_to_the_end() {
    let (readings, base) = readings(vec![counted(0, 0, &[]), counted(9, 5, &[])]);
    let figures = readings.between(base, base + SECOND / 2);
    assert_eq!((figures.frag_needed_sent, figures.frag_needed_last_third), (5, 0));
}

#[test]
fn no_reading_is_no_figure() {
    let (readings, base) = readings(Vec::new());
    assert_eq!(readings.between(base, base + SECOND), PathFigures::default());
    assert_eq!(readings.rate(SECOND), None);
    assert!(readings.timeline(base, base + SECOND).is_empty());
}

#[test]
fn the_rate_is_taken_over_the_last_span() {
    let (readings, _) =
        readings(vec![counted(0, 0, &[]), counted(500, 0, &[]), counted(700, 0, &[])]);
    assert_eq!(readings.rate(SECOND), Some(200.0));
}

#[test]
fn the_timeline_counts_from_the_start_and_ends_after_the_end() {
    let counters = [10, 20, 40, 80].map(|bytes| counted(bytes, 0, &[])).to_vec();
    let (readings, base) = readings(counters);
    let points = readings.timeline(base + SECOND, base + SECOND * 2);
    let points: Vec<_> = points.iter().map(|point| (point.at, point.bytes_to_client)).collect();
    assert_eq!(points, [(1.0, 20)]);
}

#[test]
fn a_line_of_the_path_is_understood() {
    let report = Report {
        schema: crate::path::counters::SCHEMA.to_owned(),
        elapsed_seconds: 1.0,
        last: false,
        connected: [true, true],
        a_to_b: crate::path::Counters {
            forwarded_bytes: 88,
            over_mtu_dropped: 3,
            frag_needed_sent: 2,
            packet_too_big_sent: 1,
            segment_sizes: BTreeMap::from([(1368, 5)]),
            ..crate::path::Counters::default()
        },
        b_to_a: crate::path::Counters::default(),
    };
    let line = serde_json::to_string(&report).unwrap();
    let counters = parse(&line).unwrap();
    assert_eq!(counters.bytes_to_client, 88);
    assert_eq!((counters.over_mtu_dropped, counters.frag_needed_sent), (3, 3));
    assert_eq!(counters.segment_sizes, BTreeMap::from([(1368, 5)]));
    assert_eq!(parse("the path is up"), None);
}

#[test]
fn lines_are_followed_to_their_end() {
    let mut readings = Readings::follow(&b"noise\n"[..], None);
    readings.join();
    assert_eq!(readings.unreadable().as_deref(), Some("noise"));
    assert!(readings.latest().is_none());
}
