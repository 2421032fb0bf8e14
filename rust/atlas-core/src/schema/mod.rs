//! Owns schema.
#![forbid(unsafe_code)]
