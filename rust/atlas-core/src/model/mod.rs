//! Owns model.
#![forbid(unsafe_code)]
