//! Owns the binary property list: a checked view of its objects, and the writer.
//!
//! Must not know what any key means, and builds no tree: a reader asks for the objects that it wants.
//!
//! The format: an eight-byte header, the object area, a table of object offsets, a 32-byte trailer that says how wide
//! offsets and references are (`docs/formats/binary-plist.md`).
#![forbid(unsafe_code)]

mod object;
mod view;

pub use object::{Integer, Object, Pairs, References};
pub use view::{Plist, View};
