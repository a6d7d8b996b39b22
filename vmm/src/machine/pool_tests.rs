use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use super::*;

/// Longest wait for a thread.
const PATIENCE: Duration = Duration::from_secs(10);

fn endings() -> Arc<Endings> {
    Arc::new(Endings::new().unwrap())
}

fn wait<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A pool of one thread, which says that it began a job and ends it when it may.
fn held_up() -> (Pool<u32>, std::sync::mpsc::Receiver<u32>, Sender<()>) {
    let (began, begun) = channel();
    let (go_on, may_go_on) = channel();
    let may_go_on = Mutex::new(may_go_on);
    let pool = Pool::new(endings(), move |work: &mut u32| {
        began.send(*work).unwrap();
        let _ = may_go_on.lock().unwrap().recv();
    });
    let pool = pool.unwrap();
    pool.threads(Thread::Disk, 1).start(&Sandbox::default()).unwrap();
    (pool, begun, go_on)
}

#[test]
fn a_queue_is_cancelled_without_waiting_for_another_queues_work() {
    let (mut pool, begun, go_on) = held_up();
    for (queue, work) in [(0, 10), (1, 11), (0, 12)] {
        pool.submit(Job::new(queue, 0, work));
    }
    assert_eq!(begun.recv_timeout(PATIENCE), Ok(10));
    pool.cancel(Some(1));
    go_on.send(()).unwrap();
    assert_eq!(begun.recv_timeout(PATIENCE), Ok(12));
    go_on.send(()).unwrap();
    let done = [wait(|| pool.finished()), wait(|| pool.finished())];
    assert_eq!(done.map(|job| job.work), [10, 12]);
}

#[test]
fn a_cancelled_queue_waits_for_what_is_under_way() {
    let (mut pool, begun, go_on) = held_up();
    pool.submit(Job::new(0, 0, 10));
    pool.submit(Job::new(0, 0, 11));
    assert_eq!(begun.recv_timeout(PATIENCE), Ok(10));
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        go_on.send(()).unwrap();
        go_on
    });
    pool.cancel(None);
    assert_eq!(pool.finished().map(|job| job.work), Some(10));
    assert!(pool.finished().is_none());
    drop(later.join());
}

#[test]
fn a_panic_ends_the_machine_and_gives_the_job_back() {
    let endings = endings();
    let pool = Pool::new(endings.clone(), |work: &mut u32| assert_eq!(*work, 0));
    let mut pool = pool.unwrap();
    pool.threads(Thread::Disk, 1).start(&Sandbox::default()).unwrap();
    pool.submit(Job::new(0, 0, 1));
    assert_eq!(wait(|| pool.finished()).work, 1);
    assert!(matches!(endings.get(), Some(Ending::KvmError(_))));
}
