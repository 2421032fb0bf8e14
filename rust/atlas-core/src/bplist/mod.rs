//! Owns the binary property list: a checked view of its objects, the walk that turns all of them into values, and
//! the writer.
//!
//! Must not know what any key means, and builds no tree: a reader asks for the objects that it wants.
//!
//! The format: an eight-byte header, the object area, a table of object offsets, a 32-byte trailer that says how wide
//! offsets and references are (`docs/formats/binary-plist.md`).
#![forbid(unsafe_code)]

mod encode;
mod object;
mod text;
mod unique;
mod view;
mod walk;
mod writer;

#[cfg(test)]
mod tests;

pub use object::{Integer, Object, Pairs, References};
pub use text::Text;
pub use view::{Plist, View};
pub use walk::{Build, Made, Values, build, build_each};
pub use writer::{Reference, Writer};
