//! Owns the classes of the model: snapshots, their images and segments, the shared cache as its record describes it.
//!
//! Everything was checked when the snapshot was opened; a property turns a value of the core into an object, and what is
//! costly or often asked for is kept. Must not decode a byte.
//!
//! No object here owns an object that owns it: an image holds the core's list of images, not the `ImageList`, so that none of
//! these classes takes part in garbage collection.
#![forbid(unsafe_code)]

pub mod aot_image;
pub mod cache_record;
pub mod columns;
pub mod diff;
pub mod environment;
pub mod image;
pub mod image_list;
mod images;
mod listing;
pub mod location;
mod lookup;
pub mod mapping;
mod names;
mod opening;
pub mod segment;
pub mod shared_cache;
pub mod snapshot;
pub mod subcache;
