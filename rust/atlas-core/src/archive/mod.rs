//! Owns archive.
#![forbid(unsafe_code)]
