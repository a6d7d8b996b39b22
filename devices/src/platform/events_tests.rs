use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[derive(Default)]
struct Pin(AtomicBool);

impl Line for Pin {
    fn set(&self, level: bool) {
        self.0.store(level, Ordering::Relaxed);
    }
}

fn events() -> (Arc<Pin>, GeneralEvents) {
    let pin = Arc::new(Pin::default());
    (pin.clone(), GeneralEvents::new(pin))
}

fn is_high(pin: &Pin) -> bool {
    pin.0.load(Ordering::Relaxed)
}

#[test]
fn an_event_interrupts_while_it_is_enabled_and_stands() {
    let (pin, mut events) = events();
    events.raise(PME_EVENT);
    assert!(!is_high(&pin));
    let _ = events.write(1, &[1]);
    assert!(is_high(&pin));
    let _ = events.write(0, &[1]);
    assert!(!is_high(&pin));
}

#[test]
fn both_registers_are_read_and_written_at_once_too() {
    let (pin, mut events) = events();
    events.raise(3);
    let mut both = [0; 2];
    events.read(0, &mut both);
    assert_eq!(both, [8, 0]);
    let _ = events.write(0, &[0, 8]);
    assert!(is_high(&pin));
    events.read(1, &mut both);
    assert_eq!(both, [8, 0]);
}

#[test]
fn an_event_that_is_not_there_does_nothing() {
    let (_, mut events) = events();
    events.raise(8);
    let mut status = [1];
    events.read(0, &mut status);
    assert_eq!(status, [0]);
}
