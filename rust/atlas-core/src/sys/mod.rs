//! Owns what only the operating system can do: mapping files, and reading pieces of them. The only folder of the crate with `unsafe`.
//!
//! Must not know any format.
#![allow(unsafe_code)]

mod file;
mod pieces;

pub use file::{FileIdentity, MappedFile};
pub use pieces::PieceFile;
