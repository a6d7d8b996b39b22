use super::*;
use crate::lab::outcome::PathFigures;
use crate::lab::scenario::file::parse;
use crate::lab::testing;

fn scenario(name: &str, variants: &str) -> Scenario {
    let text = format!("title = \"T\"\nbecause = \"B.\"\n{variants}");
    parse(name, name, &text).unwrap()
}

fn measured(schedule: &Schedule, goodputs: &[f64]) -> (Plan, Measured) {
    let run = |goodput: &f64| vec![testing::run(1, *goodput, PathFigures::default())];
    let runs = goodputs.iter().map(run).collect();
    (testing::plan(schedule.arms.clone()), Measured { runs, error: None })
}

const TWO: &str = "\
[[variant]]
nic = \"rtl8139\"
[[variant]]
nic = \"virtio-net\"
expect = { ratio = \"50..\" }
";

#[test]
fn what_two_scenarios_share_is_measured_once() {
    let again = TWO.replace("\"virtio-net\"", "\"e1000\"");
    let schedule = Schedule::of(vec![scenario("one", TWO), scenario("two", &again)]);
    let names: Vec<&str> = schedule.arms.iter().map(|arm| arm.name.as_str()).collect();
    assert_eq!(names, ["one: rtl8139", "one: virtio-net", "two: e1000"]);
    let (plan, measured) = measured(&schedule, &[1e5, 1e7, 1e6]);
    let story = schedule.story(&plan, &measured, testing::host());
    let [one, two] = &story.chapters[..] else { panic!("{story:?}") };
    assert_eq!(one.variants[0].name, "rtl8139");
    assert_eq!(one.variants[0].runs, two.variants[0].runs);
    assert!(one.checks[0].held());
    assert_eq!(two.checks[0].missed.as_deref(), Some("40 too low"));
    assert!(!story.holds());
}

#[test]
fn what_was_not_measured_is_not_met() {
    let schedule = Schedule::of(vec![scenario("one", TWO)]);
    let (plan, mut measured) = measured(&schedule, &[1e5, 1e7]);
    measured.runs[1].clear();
    let story = schedule.story(&plan, &measured, testing::host());
    let line = story.chapters[0].checks[0].line();
    assert_eq!(line, "virtio-net: ratio was not measured, expected at least 50");
    assert_eq!(story.expectations(), (1, 1));
    assert_eq!((story.missed().count(), story.complete, story.holds()), (0, false, false));
}

#[test]
fn runs_that_were_made_are_found_again_by_their_conditions() {
    let schedule = Schedule::of(vec![scenario("one", TWO)]);
    let (plan, measured) = measured(&schedule, &[1e5, 1e7]);
    let story = schedule.story(&plan, &measured, testing::host());
    let text = crate::lab::json::to_text(&story, 2).unwrap();
    let again = Story::from_json(&text).unwrap();
    let arm = &plan.arms[1];
    assert_eq!(again.runs_of(arm), measured.runs[1]);
    let other = |change: fn(&mut Arm)| {
        let mut arm = arm.clone();
        change(&mut arm);
        again.runs_of(&arm).len()
    };
    assert_eq!(other(|arm| arm.name = "called otherwise".into()), 1);
    assert_eq!(other(|arm| arm.nic.model = "e1000".into()), 0);
    assert_eq!(other(|arm| arm.path.overhead = Some(30)), 0);
    assert_eq!(other(|arm| arm.download.file_mib = 8), 0);
}
