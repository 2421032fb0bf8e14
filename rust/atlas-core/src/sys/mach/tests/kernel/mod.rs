//! A kernel for tests: what the system calls of `abi` do where there is no Mach.
//!
//! It has one client, this process, with its space of names, and any number of targets, which tests move. Each test
//! boots it anew and has it alone until the end; then nothing may be left but what was there at first, or the test
//! fails.
//!
//! * `state`: ports, names and rights
//! * `messages`: sending, receiving and destroying
//! * `processes`: targets, their memory and what they are told
//! * `calls`: the system calls themselves

mod calls;
mod messages;
mod processes;
mod state;

use std::collections::BTreeSet;
use std::ffi::{CStr, c_void};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use messages::Reply;
pub(crate) use processes::{Access, Mail, Target};
use state::State;

/// As on a Mac: a small number that is no index of anything.
pub(crate) const OWN_TASK: u32 = 0x203;
/// How long anybody waits before a test is given up.
const PATIENCE: Duration = Duration::from_secs(20);

static STATE: Mutex<State> = Mutex::new(State::new());
static CHANGED: Condvar = Condvar::new();
/// Whoever has this has the kernel.
static POWER: Mutex<()> = Mutex::new(());

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at the state until it gives something; `None` where patience ends.
fn wait_for<T>(mut found: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    let mut state = lock();
    loop {
        if let Some(value) = found(&mut state) {
            CHANGED.notify_all();
            return Some(value);
        }
        let left = deadline.checked_duration_since(Instant::now())?;
        state = CHANGED.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Does something at once, and lets all who wait look again.
fn at_once<T>(what: impl FnOnce(&mut State) -> T) -> T {
    let value = what(&mut lock());
    CHANGED.notify_all();
    value
}

/// The kernel, for one test.
pub(crate) struct Kernel {
    _power: MutexGuard<'static, ()>,
}

impl Kernel {
    /// Starts with nothing.
    pub(crate) fn boot() -> Self {
        let power = POWER.lock().unwrap_or_else(PoisonError::into_inner);
        *lock() = State::new();
        Self { _power: power }
    }

    /// A target of that number, with no memory yet.
    pub(crate) fn spawn(&self, pid: u32) -> Target {
        at_once(|state| state.spawn(pid));
        Target::new(pid)
    }

    /// Lets the call of number `at`, counted from now, fail with `status`, and do nothing. Calls that give something
    /// back do not count: nobody can do anything about those.
    pub(crate) fn fail_at(&self, at: usize, status: i32) {
        at_once(|state| state.fault = Some((state.counted + at, status)));
    }

    /// Whether that has happened; afterwards no call fails any more.
    pub(crate) fn stop_failing(&self) -> bool {
        at_once(|state| state.fault.take().is_none_or(|(at, _)| at < state.counted))
    }

    /// Lets every call of this name fail.
    pub(crate) fn fail_always(&self, call: &'static str, status: i32) {
        at_once(|state| state.broken.insert(call, status));
    }

    /// Takes away the functions that came late.
    pub(crate) fn grow_old(&self) {
        at_once(|state| state.is_old = true);
    }

    /// Calls of this name since the start.
    pub(crate) fn count(&self, call: &str) -> usize {
        at_once(|state| state.calls.iter().filter(|made| **made == call).count())
    }

    /// Forgets what was given back wrongly.
    pub(crate) fn forgive(&self) {
        at_once(|state| state.misuses.clear());
    }

    /// What there is that was not there at the start, in words.
    pub(crate) fn leaks(&self) -> BTreeSet<String> {
        at_once(|state| state.leaks())
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let leaks = self.leaks();
            assert!(leaks.is_empty(), "left behind in the kernel: {leaks:?}");
        }
    }
}

/// What `dlsym` would find.
pub(crate) fn symbol(name: &CStr) -> *mut c_void {
    let mut state = lock();
    // It takes a lock that the dyld of this process may hold while it waits for a reply.
    let registered = state.processes.values().any(|process| !process.watchers.is_empty());
    if registered {
        state.misuses.push(format!("{} was looked up while a port was registered", name.to_string_lossy()));
    }
    if state.is_old { std::ptr::null_mut() } else { calls::late(name) }
}
