use super::*;
use crate::lab::outcome::{PathFigures, STORY_SCHEMA, ScenarioFacts};
use crate::lab::scenario::Check;
use crate::lab::testing;

fn chapter(name: &str, missed: Option<&str>) -> Comparison {
    let run = |goodput| vec![testing::run(1, goodput, PathFigures::default())];
    let arms = [(testing::arm("old"), run(98_800.0)), (testing::arm("new"), run(5_880_000.0))];
    Comparison {
        scenario: Some(ScenarioFacts {
            name: name.into(),
            title: "It crawls".into(),
            because: "It is cut.".into(),
        }),
        checks: vec![Check {
            variant: "new".into(),
            figure: "ratio".into(),
            wanted: "at least 100".into(),
            found: Some("59.5".into()),
            missed: missed.map(str::to_owned),
        }],
        ..testing::comparison(&arms)
    }
}

fn story(chapters: Vec<Comparison>) -> String {
    let (schema, host) = (STORY_SCHEMA.to_owned(), testing::host());
    render(&Story { schema, complete: true, ended_early: None, host, chapters })
}

#[test]
fn one_scenario_comes_with_its_table_its_reason_and_its_checks() {
    let text = story(vec![chapter("incident/row-01", None)]);
    assert!(text.starts_with("incident/row-01: It crawls.\n\nPath MTU 1420"), "{text}");
    assert!(text.contains("Why: It is cut.\n  ok     new: ratio is 59.5, as expected"), "{text}");
    assert!(text.ends_with("All 1 expectations are met.\n"), "{text}");
}

#[test]
fn what_ended_early_says_what_was_not_measured_and_does_not_call_it_missed() {
    let mut chapter = chapter("one", Some("it was not measured"));
    chapter.checks[0].found = None;
    chapter.complete = false;
    let text = story(vec![chapter.clone()]);
    assert!(text.contains("  open   new: ratio was not measured, expected at least 100"), "{text}");
    assert!(text.ends_with("0 of 1 expectations are met, 1 were not measured.\n"), "{text}");
    chapter.complete = true;
    let text = story(vec![chapter]);
    assert!(text.contains("  MISSED new: ratio was not measured"), "{text}");
}

#[test]
fn a_story_has_a_few_lines_for_each_scenario() {
    let text = story(vec![chapter("one", None), chapter("two", Some("40.5 too low"))]);
    assert!(text.contains("two: It crawls.\n  old "), "{text}");
    assert!(text.contains("5.88 MB/s  x 59.5  no ICMP\n  Why: It is cut.\n  MISSED new"), "{text}");
    assert!(
        text.ends_with(
            "1 of 2 expectations are NOT met:\n  two: new: ratio is 59.5, expected at least 100: \
             40.5 too low\n"
        ),
        "{text}"
    );
}
