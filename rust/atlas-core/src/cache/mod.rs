//! Owns the files of shared caches: their headers, slide info and tables, how they are found and belong together, where
//! the record of a cache comes from, and the process-wide table of records.
//!
//! Must not know processes: a record here is the cache as it lies on disk, unslid.
#![forbid(unsafe_code)]

pub mod aot;
mod atlas;
mod atlas_writer;
mod columns;
pub mod discovery;
pub mod file;
pub mod group;
mod known;
pub mod local_symbols;
mod map_text;
mod scavenge;
pub mod slide;
mod table;
pub mod tables;
mod verify;

#[cfg(test)]
mod tests;

pub use atlas::{Supply, atlas_path, check, embedded, entry_path, known, load};
pub use atlas_writer::{NamedCache, add_name, atlas, name_path};
pub use columns::{CacheColumns, CacheImage, CacheSegment, HAS_ADDRESS, HAS_PREFERRED, HAS_UUID, flags_of};
pub use file::{CacheFile, Header, ImageInfo, Mapping, SubCacheEntry, TextInfo};
pub use group::{CacheGroup, GroupFile, Place, Wanted};
pub(crate) use group::{DEVELOPMENT, customer_name};
pub use known::{KnownCache, LINKEDIT, RecordOrigin};
pub use local_symbols::LocalSymbols;
pub use map_text::map_text;
pub use scavenge::{file_rows, scavenge, scavenged};
pub use slide::SlideInfo;
pub use table::{CacheTable, table};
pub use verify::verify;
