//! The incident without a guest. See [`tests::transfer`] for what is connected to what.

use std::time::Duration;

use tests::pump::Engine;
use tests::transfer::{Arm, permitted};

#[test]
fn tcp_crawls_when_super_frames_are_cut_at_1500_and_runs_when_cut_at_the_mss() {
    let arms = [Arm::INCIDENT, Arm { engine: Engine::Mss, ..Arm::INCIDENT }];
    let Some([faulty, correct]) = permitted(arms) else { return };
    let (slow, fast) = (faulty.bytes_per_second, correct.bytes_per_second);
    assert!((60e3..160e3).contains(&slow), "mtu1500: {slow} bytes/s");
    assert!(fast >= 4e6, "mss: {fast} bytes/s");
    assert!(fast / slow >= 25.0, "{fast} over {slow}");
    let sizes = &faulty.server_to_client.segment_sizes;
    for size in [1368, 1448, 1288] {
        assert!(sizes.get(&size).is_some_and(|count| *count >= 10), "{size}: {sizes:?}");
    }
    assert!(faulty.server_to_client.frag_needed_sent > 20);
    assert!(correct.server_to_client.frag_needed_sent <= 10);
}

#[test]
fn a_locked_route_mtu_lets_the_path_fragment_what_is_cut_too_long_and_tcp_run() {
    let arm = Arm {
        ip: "route add 10.0.2.0/24 via 10.0.1.1 mtu lock 1320",
        load: Duration::from_secs(4),
        ..Arm::INCIDENT
    };
    let Some([locked]) = permitted([arm]) else { return };
    let counters = &locked.server_to_client;
    assert!(locked.bytes_per_second >= 3e6, "{} bytes/s", locked.bytes_per_second);
    assert_eq!((counters.over_mtu_dropped, counters.frag_needed_sent), (0, 0));
    assert!(counters.fragmented > 1000 && counters.fragments_sent == 2 * counters.fragmented);
}

#[test]
fn ipv6_is_never_cut_by_the_faulty_engine_and_tcp_runs() {
    let arm = Arm { server: "fd00:1::2", load: Duration::from_secs(4), ..Arm::INCIDENT };
    let Some([ipv6]) = permitted([arm]) else { return };
    let counters = &ipv6.server_to_client;
    assert!(ipv6.bytes_per_second >= 3e6, "{} bytes/s", ipv6.bytes_per_second);
    assert!((1..=12).contains(&counters.packet_too_big_sent), "{counters:?}");
    assert!(counters.segment_sizes.get(&1348).is_some_and(|count| *count > 1000), "{counters:?}");
}
