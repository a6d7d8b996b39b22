use super::*;

fn limits(register: u32) -> Limits {
    Limits::new(register, UNIT_100)
}

#[test]
fn without_a_time_nothing_is_held_back() {
    for register in [0x00, 0x0f] {
        assert!(Hold::default().call(1, limits(register), 0));
    }
}

#[test]
fn enough_frames_raise_the_interrupt() {
    let mut hold = Hold::default();
    assert!(!hold.call(3, limits(0xf2), 0));
    assert!(!hold.call(4, limits(0xf2), 0));
    assert!(hold.call(1, limits(0xf2), 0));
    assert_eq!(hold, Hold::default());
}

#[test]
fn the_time_counts_from_the_first_frame_held_back() {
    let mut hold = Hold::default();
    assert!(!hold.call(1, limits(0x20), 100));
    assert!(!hold.call(1, limits(0x20), 4000));
    assert_eq!(hold.due(), Some(100 + 2 * UNIT_100));
    assert!(!hold.expired(5219));
    assert!(hold.expired(5220));
    assert!(!hold.expired(u64::MAX));
}
