//! Owns what users see: the snapshot, its images and segments, the shared cache, and the difference of two snapshots.
//!
//! Everything was checked when it was opened, so a property cannot fail. A handle is an `Arc` and an index; the cache
//! never points back at the snapshot, the slide travels by value. Must not know how records and files are laid out:
//! that is `schema`'s for records, and `cache`'s, `macho`'s and `memory`'s for files.
#![forbid(unsafe_code)]

mod cache_files;
mod cache_opening;
mod cache_rows;
mod columns;
mod diff;
mod image;
mod image_set;
mod memory_map;
mod names;
mod ranges;
mod rewrite;
mod shared_cache;
mod snapshot;
mod walk;

#[cfg(test)]
mod tests;

pub use cache_files::CacheMapping;
pub use cache_opening::OpenCacheOptions;
pub use cache_rows::CacheFileName;
pub use columns::{ImageColumns, SegmentColumns};
pub use diff::{Difference, diff};
pub use image::{Image, Segment};
pub use image_set::{ImageSet, Location};
pub use memory_map::MemoryRegion;
pub use ranges::RangeIndex;
pub use shared_cache::SharedCache;
pub use snapshot::{Opening, Options, Snapshot};
pub use walk::ListVisitor;
