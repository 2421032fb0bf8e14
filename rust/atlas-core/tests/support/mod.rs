//! What the integration tests share; each uses its part.

#![allow(dead_code, unused_imports, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "every function here serves a test")]

pub mod build;
pub mod caches;
pub mod expected;
mod fixtures;
pub mod mutate;
pub mod raw;

pub use build::process_plist;
pub use fixtures::{fixtures, from_environment, json, list, present};
