use super::*;

#[test]
fn the_counter_counts_cycles_of_30_ns_since_it_was_set() {
    let mut timer = Timer::default();
    timer.advance(1000);
    timer.restart();
    timer.advance(1599);
    assert_eq!(timer.count(), 19);
    timer.advance(1600);
    assert_eq!(timer.count(), 20);
}

#[test]
fn the_interrupt_comes_when_the_value_is_reached_and_again_each_lap() {
    let mut timer = Timer::default();
    timer.arm(20);
    assert_eq!(timer.due(), Some(600));
    assert!(!timer.advance(599));
    assert!(timer.advance(600));
    assert!(!timer.advance(601));
    assert_eq!(timer.due(), Some(600 + LAP));
    assert!(timer.advance(600 + 5 * LAP));
    assert_eq!(timer.due(), Some(600 + 6 * LAP));
}

#[test]
fn a_value_that_was_passed_interrupts_a_lap_later() {
    let mut timer = Timer::default();
    timer.advance(900);
    timer.arm(20);
    assert_eq!(timer.due(), Some(600 + LAP));
}

#[test]
fn zero_switches_the_interrupt_off() {
    let mut timer = Timer::default();
    timer.arm(20);
    timer.arm(0);
    assert_eq!(timer.due(), None);
    assert!(!timer.advance(u64::MAX));
}

#[test]
fn a_clock_that_goes_back_or_to_its_end_breaks_nothing() {
    let mut timer = Timer::default();
    timer.advance(u64::MAX);
    timer.arm(u32::MAX);
    timer.advance(5);
    timer.advance(u64::MAX);
    timer.restart();
    assert_eq!(timer.count(), 0);
}
