//! Watchers on real sockets: targets of this process and of others, what they do wrong, and what is left afterwards.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod leaks;
mod process;
mod soak;
mod sockets;
mod targets;
