//! Waiting for something to be so: looking again and again until a deadline.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Pauses between two looks: short at first, then longer, since a look can cost a process.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Looks until there is something, and answers that; nothing if there is none within `limit`.
pub fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        let late = Instant::now() >= deadline;
        let found = look();
        if found.is_some() || late {
            return found;
        }
        sleep(pause);
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// The same for `what` has to come.
///
/// # Panics
/// If it does not come within `limit`.
pub fn wait<T>(what: &str, limit: Duration, look: impl FnMut() -> Option<T>) -> T {
    within(limit, look).unwrap_or_else(|| panic!("waited longer than {limit:?} for {what}"))
}

/// Waits until there is a file, or a socket, at `path`.
///
/// # Panics
/// If there is none within `limit`.
pub fn wait_for_file(path: &Path, limit: Duration) {
    wait(&format!("{} to appear", path.display()), limit, || path.exists().then_some(()));
}
