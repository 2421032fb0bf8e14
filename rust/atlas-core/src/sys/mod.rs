//! Owns what only the operating system can do: mapping files. The only folder of the crate with `unsafe`.
//!
//! Must not know any format.
#![allow(unsafe_code)]

mod file;

pub use file::{FileIdentity, MappedFile};
