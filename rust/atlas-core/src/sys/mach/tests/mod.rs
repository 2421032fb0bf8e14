//! Rights, messages and task ports over a kernel that keeps count of them all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

pub(crate) mod kernel;
mod mailbox;
mod model;
mod rights;
mod task;
