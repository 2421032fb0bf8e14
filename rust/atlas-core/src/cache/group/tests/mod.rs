//! Files of one cache, in memory and on disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod addresses;
mod links;
mod main_file;
mod parts;
pub(in crate::cache) mod shelf;
