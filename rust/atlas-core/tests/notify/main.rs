//! Watchers on real sockets: targets of this process and of others, what they do wrong, and what is left afterwards.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../../src/notify/tests/called.rs"]
mod called;
mod leaks;
mod process;
mod soak;
mod sockets;
mod targets;

/// By the name that `called` finds it by here and among the unit tests.
use atlas_core::{error::Error, notify as outer};
