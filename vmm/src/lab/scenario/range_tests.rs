use super::*;

fn range(text: &str) -> Range {
    text.parse().unwrap()
}

#[test]
fn both_ends_are_in() {
    assert_eq!(range("1.8..2.6").missed(1.8), None);
    assert_eq!(range("1.8..2.6").missed(2.6), None);
    assert_eq!(range("0").missed(0.0), None);
}

#[test]
fn an_end_may_be_open() {
    assert_eq!(range("20..").missed(1e9), None);
    assert_eq!(range("..5").missed(-1e9), None);
}

#[test]
fn what_is_missed_is_told_by_how_much() {
    assert_eq!(range("20..").missed(3.0).unwrap(), "17 too low");
    assert_eq!(range("..0.5").missed(0.75).unwrap(), "0.25 too high");
    assert_eq!(range("0").missed(12.0).unwrap(), "12 too high");
}

#[test]
fn what_is_no_range_is_refused() {
    for text in ["", "..", "5..1", "a..b", "1...2", "inf"] {
        assert!(text.parse::<Range>().is_err(), "{text}");
    }
}

#[test]
fn it_reads_as_words() {
    assert_eq!(range("20..").to_string(), "at least 20");
    assert_eq!(range("..0.5").to_string(), "at most 0.5");
    assert_eq!(range("1.8..2.6").to_string(), "1.8 to 2.6");
    assert_eq!(range("0").to_string(), "0");
}
