use std::collections::BTreeMap;

use super::*;
use crate::lab::outcome::{GuestFigures, PathFigures};
use crate::lab::{SocketSample, testing};

/// Checks of `expect` on one variant that came to this.
fn checks(expect: &str, run: RunOutcome) -> Vec<Check> {
    let arm = testing::arm("rtl8139");
    let expectations: Expectations = toml::from_str(expect).unwrap();
    expectations.check(&arm, &testing::comparison(&[(arm.clone(), vec![run])]))
}

fn crawl() -> RunOutcome {
    let path = PathFigures {
        frag_needed_sent: 100,
        frag_needed_last_third: 33,
        over_mtu_dropped: 100,
        over_mtu_last_third: 33,
        segment_sizes: BTreeMap::from([(1368, 500), (1448, 100)]),
        ..PathFigures::default()
    };
    let guest = GuestFigures { lspci: "00:03.0 Realtek".into(), ..GuestFigures::default() };
    RunOutcome { guest, ..testing::run(1, 100_000.0, path) }
}

fn misses(expect: &str) -> Vec<String> {
    checks(expect, crawl()).iter().filter(|check| !check.held()).map(Check::line).collect()
}

#[test]
fn a_crawl_is_what_was_expected_of_it() {
    let expect = "speed = \"slow\"\nkb-per-round-trip = \"1.8..2.6\"\nfinding = \"ignores-path-mtu\"\n\
                  icmp-late = \"1..\"\nicmp-per-second = \"5..20\"\nlargest-payload = 1448\n\
                  usual-payload = 1368\nlspci = \"Realtek\"\nfragments = 0\ngoodput = \"60..160\"";
    assert_eq!(checks(expect, crawl()).len(), 10);
    assert_eq!(misses(expect), [""; 0]);
}

#[test]
fn a_miss_names_the_figure_and_by_how_much() {
    assert_eq!(misses("icmp-sent = 0"), ["rtl8139: icmp-sent is 100, expected 0: 100 too high"]);
    assert_eq!(
        misses("speed = \"fast\""),
        ["rtl8139: speed is 2.42 KB in a round trip, expected fast, at least 10 KB in a round \
          trip: 7.58 too low (KB in a round trip)"]
    );
    assert_eq!(
        misses("finding = \"fits\""),
        ["rtl8139: finding is ignores-path-mtu, expected fits: something else was seen"]
    );
    assert_eq!(
        misses("lspci = \"Virtio\""),
        ["rtl8139: lspci is `00:03.0 Realtek`, expected `Virtio` in it: another device"]
    );
}

#[test]
fn a_busy_host_is_in_the_round_trip_that_counts() {
    let sample = |round_trip_ms| SocketSample { round_trip_ms, ..SocketSample::default() };
    let sockets = vec![sample(180.0), sample(60.0), sample(75.0)];
    // 24.2 ms before the download
    let run = RunOutcome { goodput_bytes_per_second: 30_000.0, sockets, ..crawl() };
    assert!(checks("kb-per-round-trip = \"2.2..2.3\"", run)[0].held());
}

#[test]
fn nothing_at_all_is_dead_and_not_slow() {
    let run = RunOutcome { bytes: 0, goodput_bytes_per_second: 0.0, ..crawl() };
    assert!(checks("speed = \"dead\"", run.clone())[0].held());
    assert!(!checks("speed = \"slow\"", run)[0].held());
}

#[test]
fn an_unknown_figure_is_refused() {
    assert!(toml::from_str::<Expectations>("icmp = 3").is_err());
}
