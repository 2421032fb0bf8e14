//! Owns what the keys of a record mean: the one place where four-letter keys live, and the one pass that checks a
//! record.
//!
//! A record is checked when it is opened, and read with the same code afterwards; so what the check let through,
//! reading finds again. Must not know where records come from, nor what a merged list of images is.
//!
//! * [`keys`]: every key, with its meaning
//! * [`ProcessRecord`]: the root of `process.plist`
//! * [`CacheRecord`]: one shared cache of an atlas
//! * [`ImageTable`]: the images of either, with their segments
#![forbid(unsafe_code)]

mod budget;
mod cache_record;
mod careful;
mod dictionary;
mod images;
pub mod keys;
mod path;
mod process_record;
mod report;
mod rows;
mod unknown;
mod walker;
mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use cache_record::{CacheRecord, MappingRow, SubCacheRow};
pub use images::ImageTable;
pub use process_record::{AotImageRow, CacheReference, ProcessRecord};
pub use report::{Policy, Report};
pub use rows::{ImageRow, ImageVisitor, SegmentRow};
pub use unknown::{UnknownKey, UnknownOfImage, UnknownOfSubCache};
