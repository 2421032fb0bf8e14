//! The locks of this folder, by the one name that `tests/loom.rs` replaces with loom's.

use std::sync::PoisonError;
use std::time::Instant;

pub use std::sync::{Condvar, Mutex, MutexGuard};

/// Locks. A thread that panicked while it held the lock left nothing half done: nothing foreign runs under it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a change, until `deadline` if there is one.
pub fn wait<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>, deadline: Option<Instant>) -> MutexGuard<'a, T> {
    let Some(deadline) = deadline else { return changed.wait(guard).unwrap_or_else(PoisonError::into_inner) };
    let left = deadline.saturating_duration_since(Instant::now());
    changed.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
}

/// Whether there is a deadline and it is past.
pub fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}
