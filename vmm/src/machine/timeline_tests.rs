use super::*;

#[test]
fn a_stage_is_noted_when_it_is_first_reached() {
    let mut timeline = Timeline::default();
    assert_eq!(timeline.reached(Stage::Init), None);
    let _ = timeline.write(0, &[Stage::Init as u8]);
    let first = timeline.reached(Stage::Init);
    let _ = timeline.write(0, &[Stage::Init as u8]);
    assert!(first.is_some());
    assert_eq!(timeline.reached(Stage::Init), first);
    assert_eq!(timeline.reached(Stage::Command), None);
}

#[test]
fn what_is_no_stage_is_not_noted() {
    let mut timeline = Timeline::default();
    for data in [&[0][..], &[4], &[255], &[1, 0], &[]] {
        let _ = timeline.write(0, data);
    }
    for stage in STAGES {
        assert_eq!(timeline.reached(stage), None, "{stage:?}");
    }
}
