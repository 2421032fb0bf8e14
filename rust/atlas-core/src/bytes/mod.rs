//! Owns bytes and the reading of integers from them: [`Bytes`] and [`Cursor`].
//!
//! Must not know any format.
#![forbid(unsafe_code)]

mod cursor;
mod shared;

pub use cursor::Cursor;
pub use shared::{Bytes, Mode};
