//! Headers of every generation, and files that are none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

pub(in crate::cache) mod builder;
mod generations;
mod hostile;
mod mappings;
mod refused;
mod rows;
