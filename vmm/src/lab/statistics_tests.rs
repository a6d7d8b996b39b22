use super::*;

#[test]
fn the_median_of_an_odd_number_is_the_one_in_the_middle() {
    let summary = Summary::of(&[3.0, 1.0, 2.0]).unwrap();
    assert_eq!(summary, Summary { median: 2.0, min: 1.0, max: 3.0 });
}

#[test]
fn the_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle() {
    let summary = Summary::of(&[4.0, 1.0, 2.0, 10.0]).unwrap();
    assert_eq!(summary, Summary { median: 3.0, min: 1.0, max: 10.0 });
}

#[test]
fn one_measurement_is_its_own_summary() {
    assert_eq!(Summary::of(&[7.5]).unwrap(), Summary { median: 7.5, min: 7.5, max: 7.5 });
}

#[test]
fn nothing_is_said_about_no_measurement() {
    assert_eq!(Summary::of(&[]), None);
    assert_eq!(middle(&[]), None);
}

#[test]
fn what_is_not_a_number_is_not_summarized() {
    assert_eq!(Summary::of(&[1.0, f64::NAN]), None);
}

#[test]
fn the_middle_run_is_one_that_was_measured() {
    assert_eq!(middle(&[30.0, 10.0, 20.0]), Some(2));
    assert_eq!(middle(&[30.0, 10.0]), Some(1));
}
