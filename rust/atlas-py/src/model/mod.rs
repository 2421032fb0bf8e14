//! Owns the classes of the model: snapshots, their images and segments, the shared cache as its record describes it.
//!
//! Everything was checked when the snapshot was opened; a property turns a value of the core into an object, and what
//! is costly or often asked for is kept. Must not decode a byte. The bytes of images and caches are found when they are
//! asked for ([`files`], [`memory`]); until then nothing but records is needed.
//!
//! No object here owns an object that owns it: an image holds the core's list of images, not the `ImageList`, so that
//! none of these classes takes part in garbage collection.
#![forbid(unsafe_code)]

pub mod aot_image;
pub mod cache_record;
pub mod cache_tables;
pub mod columns;
pub mod diff;
mod discovery;
pub mod environment;
pub mod files;
mod header;
pub mod image;
pub mod image_list;
mod images;
mod listing;
pub mod location;
mod lookup;
pub mod mapping;
pub mod memory;
pub mod memory_map;
mod names;
pub mod opening;
mod pin;
pub mod pointer;
pub mod pointers;
pub mod section;
pub mod segment;
pub mod shared_cache;
pub mod snapshot;
pub mod subcache;
mod unknown;
