//! Owns compress.
#![forbid(unsafe_code)]
