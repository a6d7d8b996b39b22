use super::*;

#[test]
fn durations_are_read_with_their_unit() {
    assert_eq!(parse_duration("12ms"), Ok(Duration::from_millis(12)));
    assert_eq!(parse_duration("0.5s"), Ok(Duration::from_millis(500)));
    assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
    assert_eq!(parse_duration("2min"), Ok(Duration::from_secs(120)));
    assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
}

#[test]
fn a_duration_without_unit_or_number_is_refused_by_name() {
    assert!(parse_duration("12").unwrap_err().starts_with("`12` is not a duration"));
    assert!(parse_duration("ms").is_err());
    assert!(parse_duration("-1s").is_err());
    assert!(parse_duration("1e99s").is_err());
}

#[test]
fn rates_keep_three_digits() {
    assert_eq!(rate(0.0), "0.00 B/s");
    assert_eq!(rate(98_800.0), "98.8 KB/s");
    assert_eq!(rate(999_700.0), "1.00 MB/s");
    assert_eq!(rate(5_881_000.0), "5.88 MB/s");
    assert_eq!(rate(350_000.0), "350 KB/s");
    assert_eq!(rate(2.5e12), "2500 GB/s");
}
