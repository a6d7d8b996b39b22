use std::collections::BTreeMap;

use super::*;
use crate::lab::outcome::{Instant, PathFigures, RunOutcome, ScenarioFacts};
use crate::lab::socket::SocketSample;
use crate::lab::testing;
use crate::lab::trace::{Fate, Kind, Packet};

fn packet(at: f64, kind: Kind, sequence: u64, length: u32, fate: Fate) -> Packet {
    Packet { at, kind, sequence, length, again: false, fate, remark: None }
}

/// A run in which the router speaks and the NIC does not listen.
fn run() -> RunOutcome {
    let path = PathFigures {
        segment_sizes: BTreeMap::from([(1368, 500), (1448, 90)]),
        ..PathFigures::default()
    };
    let timeline = (0..20).map(|quarter| Instant {
        at: f64::from(quarter) / 4.0,
        bytes_to_client: quarter as u64 * 25_000,
        frag_needed_sent: 0,
        over_mtu_dropped: 0,
    });
    RunOutcome {
        timeline: timeline.collect(),
        sockets: vec![SocketSample { congestion_window: 3, ..SocketSample::default() }],
        trace: vec![
            packet(0.0, Kind::Syn, 0, 0, Fate::Passed),
            packet(0.05, Kind::Data, 0, 1448, Fate::Dropped),
            packet(0.07, Kind::Icmp, 0, 1420, Fate::Passed),
            packet(0.08, Kind::Data, 0, 1368, Fate::Passed),
            packet(0.10, Kind::Ack, 1368, 0, Fate::Passed),
            packet(0.11, Kind::Data, 1368, 1448, Fate::Dropped),
        ],
        ..testing::run(1, 98_800.0, path)
    }
}

fn story() -> Story {
    let arms = ["rtl8139,tso=mtu1500", "virtio-net"].map(|name| (testing::arm(name), vec![run()]));
    Story::of(testing::comparison(&arms))
}

/// The figures of a page, by how much data is in them.
fn points(page: &str) -> Vec<usize> {
    page.split("data-points=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn every_plot_has_data() {
    let page = render(&story());
    let points = points(&page);
    // Goodput, window, retransmits, round trip; and for each variant sequence, sizes, ladder.
    assert_eq!(points.len(), 4 + 2 * 3, "{points:?}");
    assert!(points.iter().all(|points| *points > 0), "{points:?}");
    assert!(!page.contains("NaN") && !page.contains("inf "), "{page}");
}

#[test]
fn the_ladder_shows_the_loss_that_came_although_the_router_had_spoken() {
    let page = render(&story());
    assert!(page.contains("went wrong although the router had said so"), "{page}");
    assert!(page.contains("1448 bytes from 1368: dropped"), "{page}");
    assert!(page.contains("ICMP: the MTU is 1420"), "{page}");
}

#[test]
fn a_busy_host_is_told() {
    let mut story = story();
    let page = render(&story);
    assert!(!page.contains("this host is busy or slow"), "{page}");
    story.chapters[0].variants[0].runs[0].round_trip_ms = Some(48.0);
    let page = render(&story);
    assert!(page.contains("the round trip was 48.0 ms before the download, not 24.0"), "{page}");
}

#[test]
fn a_run_that_moved_nothing_has_no_empty_plots() {
    let dead = testing::run(1, 0.0, PathFigures::default());
    let page = render(&Story::of(testing::comparison(&[(testing::arm("rtl8139"), vec![dead])])));
    assert_eq!(points(&page), Vec::<usize>::new());
    assert!(page.contains("nothing arrived"), "{page}");
}

#[test]
fn texts_are_no_markup() {
    let mut story = story();
    story.chapters[0].scenario = Some(ScenarioFacts {
        name: "mine".into(),
        title: "<script>alert(1)</script>".into(),
        because: "a & b".into(),
    });
    let page = render(&story);
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(page.contains("&lt;script&gt;alert") && page.contains("a &amp; b"), "{page}");
}

#[test]
fn nothing_is_fetched_from_anywhere() {
    let page = render(&story());
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
    assert!(!page.contains("@import") && !page.contains(" src="), "{page}");
}

#[test]
fn a_result_that_ended_early_says_why() {
    let mut story = story();
    (story.complete, story.ended_early) = (false, Some("stopped by SIGINT".into()));
    let page = render(&story);
    assert!(page.contains("Incomplete: it ended early (stopped by SIGINT)"), "{page}");
}

#[test]
fn a_program_s_words_are_shown_as_such() {
    let page = prose("it says `need to frag (mtu < 1500)`, for ever").into_string();
    assert_eq!(page, "it says <code>need to frag (mtu &lt; 1500)</code>, for ever");
}
