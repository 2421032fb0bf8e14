//! Owns macho.
#![forbid(unsafe_code)]
