//! Locks of what several threads work on.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, also where somebody panicked with it: what is behind it is consistent after every
/// statement.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
