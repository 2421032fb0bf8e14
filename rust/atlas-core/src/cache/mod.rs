//! Owns where the record of a shared cache comes from, and the process-wide table of records.
//!
//! Must not know processes: a record here is the cache as it lies on disk, unslid.
#![forbid(unsafe_code)]

pub mod aot;
mod atlas;
mod columns;
pub mod discovery;
pub mod file;
pub mod group;
mod known;
pub mod local_symbols;
mod table;
pub mod tables;

#[cfg(test)]
mod tests;

pub use atlas::{Supply, atlas_path, embedded, entry_path, known, load};
pub use columns::{CacheColumns, CacheImage, CacheSegment, HAS_ADDRESS, HAS_PREFERRED, HAS_UUID, flags_of};
pub use file::{CacheFile, Header, ImageInfo, Mapping, SubCacheEntry, TextInfo};
pub use group::{CacheGroup, GroupFile, Place};
pub use known::{KnownCache, LINKEDIT, RecordOrigin};
pub use local_symbols::LocalSymbols;
pub use table::{CacheTable, table};
