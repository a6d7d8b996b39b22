use super::*;

#[test]
fn rates_keep_three_digits() {
    assert_eq!(rate(0.0), "0.00 B/s");
    assert_eq!(rate(98_800.0), "98.8 KB/s");
    assert_eq!(rate(999_700.0), "1.00 MB/s");
    assert_eq!(rate(5_881_000.0), "5.88 MB/s");
    assert_eq!(rate(350_000.0), "350 KB/s");
    assert_eq!(rate(2.5e12), "2500 GB/s");
}

#[test]
fn plain_numbers_are_as_short_as_they_can_be() {
    for (value, text) in [
        (17.0, "17"),
        (1448.0, "1448"),
        (0.25, "0.25"),
        (2.4167, "2.42"),
        (0.5, "0.5"),
        (57.26, "57.3"),
    ] {
        assert_eq!(plain(value), text);
    }
}
