//! Owns cache.
#![forbid(unsafe_code)]
