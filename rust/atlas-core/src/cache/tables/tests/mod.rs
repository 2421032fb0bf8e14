//! Tables that a cache may have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
