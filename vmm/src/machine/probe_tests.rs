use std::time::Duration;

use super::*;

#[test]
fn a_fast_guest_is_fit_for_linux() {
    assert_eq!(judge(Some(Duration::from_micros(200))), Verdict::Yes);
}

#[test]
fn a_guest_that_is_emulated_by_the_instruction_is_not() {
    assert!(matches!(judge(Some(Duration::from_millis(28))), Verdict::No(_)));
}

#[test]
fn a_guest_that_never_came_to_its_loop_is_not() {
    assert!(matches!(judge(None), Verdict::No(_)));
}

/// What a person would go by: KVM with hardware virtualization runs Linux, KVM without does not.
#[test]
fn the_trial_agrees_with_the_flags_of_the_cpu() {
    let Ok(verdict) = can_run_linux() else { return };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let hardware = cpu.split_whitespace().any(|flag| ["svm", "vmx"].contains(&flag));
    assert_eq!(verdict == Verdict::Yes, hardware, "{verdict:?}");
}

#[test]
fn the_trial_takes_less_than_a_second() {
    let start = Instant::now();
    let _ = can_run_linux();
    assert!(start.elapsed() < Duration::from_secs(1));
}
