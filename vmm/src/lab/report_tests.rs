use std::collections::BTreeMap;

use super::*;
use crate::lab::outcome::PathFigures;
use crate::lab::outcome::{GuestFigures, RunOutcome};
use crate::lab::testing;

fn run(number: u32, goodput: f64) -> RunOutcome {
    let path = PathFigures {
        frag_needed_sent: 90,
        frag_needed_last_third: 30,
        over_mtu_dropped: 91,
        over_mtu_last_third: 30,
        segment_sizes: BTreeMap::from([(0, 5), (1288, 80), (1368, 500), (1448, 91)]),
        ..PathFigures::default()
    };
    let guest = GuestFigures {
        tcp_retransmits: 180,
        lspci: "00:03.0 Ethernet controller: Realtek".into(),
        ..GuestFigures::default()
    };
    RunOutcome { guest, ..testing::run(number, goodput, path) }
}

fn comparison(goodputs: &[(&str, &[f64])]) -> Comparison {
    let arms: Vec<_> = goodputs
        .iter()
        .map(|(name, goodputs)| {
            let runs = (1..).zip(*goodputs).map(|(number, goodput)| run(number, *goodput));
            (testing::arm(name), runs.collect())
        })
        .collect();
    testing::comparison(&arms)
}

#[test]
fn the_table_shows_goodput_ratio_and_whether_icmp_still_came() {
    let text = render(&comparison(&[("old", &[98_800.0]), ("new", &[5_880_000.0])]));
    assert!(text.contains("98.8 KB/s"), "{text}");
    assert!(text.contains("x 59.5"), "{text}");
    assert!(text.contains("30 at the end"), "{text}");
    assert!(text.contains("500 x 1368"), "{text}");
    assert!(!text.contains("5 x 0"), "{text}");
    assert!(text.contains("59.5 times the goodput of old, not settled"), "{text}");
}

#[test]
fn a_round_trip_longer_than_asked_for_is_noted() {
    let mut comparison = comparison(&[("old", &[98_800.0])]);
    assert!(!render(&comparison).contains("note:"));
    comparison.variants[0].runs[0].round_trip_ms = Some(40.5);
    assert!(
        render(&comparison).contains("the round trip was 40.5 ms before the download, not 24.0")
    );
}

#[test]
fn sizes_that_carried_next_to_nothing_are_left_out() {
    let mut comparison = comparison(&[("old", &[98_800.0])]);
    comparison.variants[0].path.segment_sizes =
        BTreeMap::from([(160, 5), (1368, 48_000), (1448, 9)]);
    let text = render(&comparison);
    assert!(text.contains("9 x 1448") && !text.contains("5 x 160"), "{text}");
}

#[test]
fn the_spread_is_shown_of_several_runs_only() {
    let several = render(&comparison(&[("old", &[90_000.0, 110_000.0, 100_000.0])]));
    assert!(several.contains("110 KB/s"), "{several}");
    let one = render(&comparison(&[("old", &[90_000.0])]));
    assert!(!one.contains("max"), "{one}");
}

#[test]
fn three_runs_give_the_ratio_an_interval() {
    let old: &[f64] = &[90_000.0, 110_000.0, 100_000.0];
    let text = render(&comparison(&[("old", old), ("new", &[900e3, 1000e3, 1100e3])]));
    assert!(text.contains("10.0 times the goodput of old (95 % interval 8.18 to 12.2)."), "{text}");
}

#[test]
fn what_else_got_lost_and_what_a_megabyte_cost_is_shown() {
    let mut run = run(1, 1_000_000.0);
    run.guest.nic_interrupts = 5000;
    run.vmm_process.exits =
        Some(crate::lab::Exits { memory_writes: 12_340, ..crate::lab::Exits::default() });
    run.path.other_drops = BTreeMap::from([("queue_dropped".to_owned(), 7)]);
    let text = render(&testing::comparison(&[(testing::arm("new"), vec![run])]));
    assert!(text.contains("exits a MB 1234, IRQs a MB 500"), "{text}");
    assert!(text.contains("queue_dropped 7"), "{text}");
}

#[test]
fn no_ratio_is_made_up_over_a_variant_that_moved_nothing() {
    let text = render(&comparison(&[("dead", &[0.0]), ("new", &[5_880_000.0])]));
    assert!(!text.contains("inf") && !text.contains("NaN"), "{text}");
}

#[test]
fn an_unfinished_comparison_says_so() {
    let mut unfinished = comparison(&[("old", &[98_800.0])]);
    unfinished.complete = false;
    assert!(render(&unfinished).contains("Incomplete: ended early, after 1 of the planned runs."));
    unfinished.variants.clear();
    assert!(render(&unfinished).contains("No run was finished."));
}

#[test]
fn the_typical_run_stands_for_the_variant_in_json() {
    let several = comparison(&[("old", &[90_000.0, 110_000.0, 100_000.0])]);
    let json = serde_json::to_value(&several).unwrap();
    let variant = &json["variants"][0];
    assert_eq!(json["schema"], "nicvmm.compare/1");
    assert_eq!(variant["goodput_bytes_per_second"]["median"], 100_000.0);
    assert_eq!(variant["path"]["segment_sizes"]["1448"], 91);
    assert_eq!(variant["runs"].as_array().unwrap().len(), 3);
    assert_eq!(variant["verdict"]["finding"], "ignores-path-mtu");
    let back: Comparison = serde_json::from_value(json).unwrap();
    assert_eq!(back, several);
}
