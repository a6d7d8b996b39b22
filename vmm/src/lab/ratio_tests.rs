use super::*;

fn close(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a - b).abs() < 1e-6 * b)
}

#[test]
fn single_runs_settle_nothing_however_far_apart_they_are() {
    let ratio = Ratio::of(&[6000.0], &[100.0]).unwrap();
    assert!(close(Some(ratio.value), 60.0));
    assert_eq!((ratio.low, ratio.high, ratio.judgement), (None, None, Judgement::Undecided));
    let words = ratio.in_words("old");
    assert!(words.starts_with("60.0 times the goodput of old, not settled"), "{words}");
}

#[test]
fn three_runs_that_lie_apart_are_faster() {
    let ratio = Ratio::of(&[590.0, 600.0, 620.0], &[99.0, 100.0, 101.0]).unwrap();
    assert_eq!(ratio.judgement, Judgement::Faster);
    // All three draws of the smallest, over all three of the largest, and the reverse, happen once in
    // 729 draws; two of three are enough for a median, 49 times in 729, which is over 2.5 %.
    assert!(close(ratio.low, 590.0 / 101.0), "{ratio:?}");
    assert!(close(ratio.high, 620.0 / 99.0), "{ratio:?}");
    let words = "6.00 times the goodput of old (95 % interval 5.84 to 6.26)";
    assert_eq!(ratio.in_words("old"), words);
}

#[test]
fn runs_that_overlap_show_no_difference() {
    let ratio = Ratio::of(&[90.0, 110.0, 130.0], &[95.0, 100.0, 105.0]).unwrap();
    assert_eq!(ratio.judgement, Judgement::Undecided);
    assert!(ratio.in_words("old").ends_with("): no difference shown"));
}

#[test]
fn the_slower_side_is_told_so() {
    let ratio = Ratio::of(&[10.0, 11.0, 12.0], &[100.0, 101.0, 99.0]).unwrap();
    assert_eq!(ratio.judgement, Judgement::Slower);
}

#[test]
fn the_interval_narrows_with_the_runs() {
    let spread = |runs: usize| {
        let values: Vec<f64> = (0..runs).map(|run| 100.0 + (run * 7 % 10) as f64).collect();
        let ratio = Ratio::of(&values, &values).unwrap();
        ratio.high.unwrap() - ratio.low.unwrap()
    };
    assert!(spread(40) < spread(10) / 1.3, "{} {}", spread(40), spread(10));
}

#[test]
fn the_same_runs_have_the_same_interval() {
    let runs = ([3.0, 4.0, 5.0, 6.0], [1.0, 2.0, 3.0, 2.5]);
    assert_eq!(Ratio::of(&runs.0, &runs.1), Ratio::of(&runs.0, &runs.1));
}

#[test]
fn there_is_no_multiple_of_nothing() {
    assert_eq!(Ratio::of(&[1.0, 2.0, 3.0], &[0.0, 0.0, 0.0]), None);
    assert_eq!(Ratio::of(&[], &[1.0]), None);
}
