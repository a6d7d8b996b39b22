//! The path against a real Linux router: both have the MTU of 1420 in turn, and TCP must not see a
//! difference.

use std::collections::BTreeSet;

use tests::pump::Engine;
use tests::transfer::{Arm, Outcome, Router, permitted};
use vmm::path::Counters;

/// Sizes that make up less than this part of all segments are the odd ends of a transfer.
const COMMON: f64 = 0.02;

/// Most segments that leave before the first error arrives: Linux's initial window of ten, and
/// what it sends again for want of an answer.
const FIRST_BURST: u64 = 20;

/// Sizes of the segments that the server's NIC sends all the time.
fn common_sizes(counters: &Counters) -> BTreeSet<u16> {
    let all: u64 = counters.segment_sizes.values().sum();
    let common = |count: u64| count as f64 >= COMMON * all as f64;
    let sizes = counters.segment_sizes.iter().filter(|(_, count)| common(**count));
    sizes.map(|(size, _)| *size).collect()
}

/// ICMP that the server was sent because of the MTU.
fn errors(outcome: &Outcome) -> u64 {
    let path = outcome.server_to_client.frag_needed_sent;
    outcome.linux.map_or(path, |linux| linux.unreachable_sent)
}

fn dropped(outcome: &Outcome) -> u64 {
    let path = outcome.server_to_client.over_mtu_dropped;
    outcome.linux.map_or(path, |linux| linux.over_mtu_dropped)
}

/// How many times the larger of two is the smaller.
fn apart(a: f64, b: f64) -> f64 {
    a.max(b) / a.min(b)
}

#[test]
fn tcp_meets_the_same_path_whether_the_router_is_ours_or_linux() {
    let [faulty, correct] = [Engine::Mtu1500, Engine::Mss].map(|engine| {
        [Router::Path, Router::Linux].map(|router| Arm { engine, router, ..Arm::INCIDENT })
    });
    let Some([faulty, faulty_linux, correct, correct_linux]) =
        permitted([faulty[0], faulty[1], correct[0], correct[1]])
    else {
        return;
    };
    for (ours, linux) in [(&faulty, &faulty_linux), (&correct, &correct_linux)] {
        let goodput = apart(ours.bytes_per_second, linux.bytes_per_second);
        assert!(goodput <= 1.5, "goodput {goodput} apart: {ours:?} and {linux:?}");
        assert_eq!(common_sizes(&ours.server_to_client), common_sizes(&linux.server_to_client));
        let icmp = apart(errors(ours) as f64, errors(linux) as f64);
        assert!(icmp <= 2.0, "ICMP {icmp} apart: {ours:?} and {linux:?}");
        assert_eq!((errors(ours), errors(linux)), (dropped(ours), dropped(linux)));
    }
    for correct in [&correct, &correct_linux] {
        assert!((1..=FIRST_BURST).contains(&errors(correct)), "{correct:?}");
    }
    for (slow, fast) in [(&faulty, &correct), (&faulty_linux, &correct_linux)] {
        assert!(fast.bytes_per_second / slow.bytes_per_second >= 25.0, "{slow:?} and {fast:?}");
    }
    assert_eq!(faulty_linux.server_to_client.over_mtu_dropped, 0, "the path had an MTU of its own");
}
