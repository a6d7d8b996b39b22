use std::process::Command;
use std::time::{Duration, Instant};

use super::*;

fn sleeper() -> SharedChild {
    Arc::new(Mutex::new(Command::new("sleep").arg("600").spawn().unwrap()))
}

fn ended_within(child: &SharedChild, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if lock(child).try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

#[test]
fn a_stop_kills_what_is_registered() {
    let stop = Stop::default();
    let child = sleeper();
    stop.register(&child);
    stop.request(Signal::SIGINT);
    assert!(ended_within(&child, Duration::from_secs(10)));
}

#[test]
fn what_is_registered_after_a_stop_is_killed_at_once() {
    let stop = Stop::default();
    stop.request(Signal::SIGTERM);
    let child = sleeper();
    stop.register(&child);
    assert!(ended_within(&child, Duration::from_secs(10)));
}

#[test]
fn the_first_signal_is_the_one_reported() {
    let stop = Stop::default();
    assert!(stop.check().is_ok());
    stop.request(Signal::SIGTERM);
    stop.request(Signal::SIGINT);
    assert_eq!(stop.requested(), Some(Signal::SIGTERM));
    assert_eq!(stop.check().unwrap_err().exit_status(), 143);
}
