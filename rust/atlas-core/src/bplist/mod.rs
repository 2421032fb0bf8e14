//! Owns bplist.
#![forbid(unsafe_code)]
