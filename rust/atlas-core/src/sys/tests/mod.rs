//! Descriptors and sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[cfg(unix)]
mod bell;
#[cfg(target_os = "linux")]
mod seqpacket;
