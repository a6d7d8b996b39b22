use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn ctrl_a_x_quits_and_a_second_ctrl_a_is_passed_on() {
    let quits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&quits);
    let mut filter = escapes(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(filter(b"ls\x01"), b"ls");
    assert_eq!(filter(b"\x01a\x03"), b"\x01a\x03");
    assert_eq!(quits.load(Ordering::Relaxed), 0);
    assert_eq!(filter(b"x\x01xy"), b"xy");
    assert_eq!(quits.load(Ordering::Relaxed), 1);
}

#[test]
fn a_terminal_that_was_taken_back_is_not_lent_again() {
    let loan = Loan::default();
    loan.take_back();
    loan.lend().unwrap();
    assert!(matches!(*loan.0.lock().unwrap(), State::Back));
}
