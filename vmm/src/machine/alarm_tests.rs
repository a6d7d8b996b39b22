use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

use super::*;

/// Whether it goes off within `patience` milliseconds.
fn goes_off(alarm: &Alarm, patience: i32) -> bool {
    let epoll = Epoll::new().unwrap();
    let wanted = EpollEvent::new(EventSet::IN, 0);
    epoll.ctl(ControlOperation::Add, alarm.as_raw_fd(), wanted).unwrap();
    epoll.wait(patience, &mut [EpollEvent::default()]).unwrap() == 1
}

#[test]
fn an_alarm_whose_time_has_come_goes_off_though_it_is_stopped_then() {
    let alarm = Alarm::new().unwrap();
    alarm.set(Some(1), || 0);
    alarm.set(None, || 2);
    assert!(goes_off(&alarm, 5000));
    alarm.rang();
    alarm.set(None, || 3);
    assert!(!goes_off(&alarm, 0));
}

#[test]
fn an_alarm_that_is_stopped_before_its_time_stays_silent() {
    let alarm = Alarm::new().unwrap();
    alarm.set(Some(u64::MAX / 2), || 0);
    alarm.set(None, || 1);
    assert!(!goes_off(&alarm, 0));
}
