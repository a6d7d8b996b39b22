use super::*;

#[test]
fn the_start_time_is_found_behind_any_name() {
    let stat = "77 (a) b (c)) S 1 77 77 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 7 8";
    assert_eq!(start_ticks(stat), Some(123456));
    assert_eq!(start_ticks("77 (a) S 1"), None);
}

#[test]
fn this_process_was_started_before_now_and_not_long_ago() {
    let age = started().unwrap().elapsed();
    assert!(age < Duration::from_secs(3600), "{age:?}");
}
