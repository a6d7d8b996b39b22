use super::*;
use crate::lab::outcome::{PathFigures, RunOutcome, ScenarioFacts};
use crate::lab::scenario::Check;
use crate::lab::testing;

fn story() -> Story {
    let run =
        |goodput| -> Vec<RunOutcome> { vec![testing::run(1, goodput, PathFigures::default())] };
    let mut chapter = testing::comparison(&[
        (testing::arm("rtl8139,tso=mtu1500"), run(98_800.0)),
        (testing::arm("virtio-net"), run(5_880_000.0)),
    ]);
    chapter.scenario =
        Some(ScenarioFacts { name: "mine".into(), title: "a | b".into(), because: "*so*".into() });
    let missed = Some("3 too low".to_owned());
    let check = |missed| Check {
        variant: "virtio-net".into(),
        figure: "ratio".into(),
        wanted: "at least 63".into(),
        found: Some("60".into()),
        missed,
    };
    chapter.checks = vec![check(None), check(missed)];
    Story::of(chapter)
}

#[test]
fn a_table_has_a_row_for_each_variant_and_as_many_cells_as_headings() {
    let text = render(&story());
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 4, "{text}");
    let cells = rows[0].matches(" | ").count();
    assert!(rows.iter().all(|row| row.matches(" | ").count() == cells), "{text}");
    assert!(rows[2].starts_with("| rtl8139,tso=mtu1500 | 98.8 KB/s | x 1.00 |"), "{text}");
}

#[test]
fn what_looks_like_markup_is_text() {
    let text = render(&story());
    assert!(text.contains(r"### mine: a \| b"), "{text}");
    assert!(text.contains(r"Why: \*so\*"), "{text}");
}

#[test]
fn expectations_are_a_list_with_those_that_were_met_ticked() {
    let text = render(&story());
    assert!(text.contains("- [x] virtio-net: ratio is 60, as expected (at least 63)"), "{text}");
    assert!(
        text.contains("- [ ] virtio-net: ratio is 60, expected at least 63: 3 too low"),
        "{text}"
    );
}

#[test]
fn a_story_that_ended_early_says_so() {
    let unfinished = Story { complete: false, ..story() };
    assert!(render(&unfinished).contains("**Incomplete: it ended early.**"));
}
