//! Reads everything that a format offers from bytes that nobody vouches for, and asserts what must hold whatever they
//! are.
//!
//! One function per format; each says whether the bytes were accepted. They serve the tests of mutated inputs, and the
//! fuzz targets in `fuzz/`, which include these files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(dead_code, missing_docs, reason = "each user takes its part")]

mod archive;
mod cache;
mod container;
mod core;
mod images;
mod macho;
mod memory;
mod plist;
pub mod seeds;
mod slide;
mod snapshot;

pub use archive::archive;
pub use cache::cache;
pub use container::container;
pub use core::core;
pub use macho::macho;
pub use plist::plist;
pub use slide::slide;
pub use snapshot::{Form, snapshot, wrap};

use atlas_core::{Error, Limits};

/// A function of this module.
pub type Exercise = fn(&[u8]) -> bool;

/// Every format by its name.
pub const ALL: [(&str, Exercise); 8] = [
    ("archive", archive),
    ("container", container),
    ("plist", plist),
    ("snapshot", snapshot),
    ("macho", macho),
    ("cache", cache),
    ("slide", slide),
    ("core", core),
];

/// What one input may ask for.
pub const LIMITS: Limits = Limits { decoded_bytes: 8 << 20, images: 1 << 20, depth: 100 };

/// Makes everything of an error that its users may ask for.
fn refuse(error: &Error) -> bool {
    assert!(error.kind().code() > 0);
    // Whatever the input names in a message is cut; a message is for people.
    assert!(error.to_string().len() < 200_000, "a message of {} bytes", error.to_string().len());
    let (_place, _hint) = (error.location(), error.hint());
    false
}
