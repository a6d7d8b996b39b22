use super::*;

#[test]
fn rates_are_decimal_bits() {
    assert_eq!("50mbit".parse(), Ok(Rate(50_000_000)));
    assert_eq!("2.5Gbit/s".parse(), Ok(Rate(2_500_000_000)));
    assert_eq!("64kbit".parse(), Ok(Rate(64_000)));
}

#[test]
fn a_rate_without_a_unit_or_of_zero_is_refused_with_an_example() {
    let message = "50".parse::<Rate>().unwrap_err().to_string();
    assert!(message.contains("'50'") && message.contains("50mbit"), "{message}");
    assert!("0mbit".parse::<Rate>().is_err());
}

#[test]
fn a_queue_is_time_or_bytes() {
    assert_eq!("100ms".parse(), Ok(Queue::Time(Duration::from_millis(100))));
    assert_eq!("64kib".parse(), Ok(Queue::Bytes(65_536)));
    assert_eq!("150000".parse(), Ok(Queue::Bytes(150_000)));
    assert!("soon".parse::<Queue>().is_err());
}

#[test]
fn a_ratio_lies_between_none_and_all() {
    assert_eq!("0.5%".parse(), Ok(Ratio(0.005)));
    assert_eq!("1".parse(), Ok(Ratio(1.0)));
    assert!("101%".parse::<Ratio>().is_err());
}

#[test]
fn rate_time_and_bytes_agree() {
    let rate = Rate(50_000_000);
    assert_eq!(rate.time_for(1250), Duration::from_micros(200));
    assert_eq!(rate.bytes_in(Duration::from_micros(200)), 1250);
}
