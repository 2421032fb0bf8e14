//! Each part alone, then all of them against targets that misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod called;
mod delta;
mod faults;
mod hub;
mod kind;
#[cfg(all(unix, not(target_os = "macos")))]
mod mach;
#[cfg(all(unix, not(target_os = "macos")))]
mod mach_watcher;
mod machine;
mod message;
mod roster;
mod scripted;
mod snapshots;
mod watcher;

/// What `called` wraps, by the name that it finds it by here and in `tests/notify`.
use crate::{error::Error, notify as outer};

/// The parts under test, by the name that `kind` finds them by here and in `tests/loom.rs`.
mod parts {
    pub use crate::notify::hub::*;
    pub use crate::notify::machine::*;
    pub use crate::notify::roster::*;
}
