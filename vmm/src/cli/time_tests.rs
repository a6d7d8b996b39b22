use super::*;

#[test]
fn a_time_is_a_number_of_seconds_or_has_a_unit() {
    assert_eq!(time("90"), Ok(Duration::from_secs(90)));
    assert_eq!(time("0.5"), Ok(Duration::from_millis(500)));
    assert_eq!(time("5m"), Ok(Duration::from_secs(300)));
    assert_eq!(time("1m 30s"), Ok(Duration::from_secs(90)));
}

#[test]
fn what_is_no_time_is_told() {
    assert_eq!(time("soon").unwrap_err(), "write 90s, 5m, or a number of seconds");
    assert_eq!(time("0").unwrap_err(), "no time at all");
    assert_eq!(time("0ms").unwrap_err(), "no time at all");
    assert_eq!(time("2years").unwrap_err(), "longer than a year");
    for wrong in ["", "-1", "nan", "inf", "1e300"] {
        assert!(time(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_time_may_have_a_least() {
    let parse = at_least(Duration::from_millis(50));
    assert_eq!(parse("50ms"), Ok(Duration::from_millis(50)));
    assert_eq!(parse("0.04").unwrap_err(), "less than 50ms");
    assert_eq!(parse("0").unwrap_err(), "no time at all");
}
