//! Owns the classes of `dyld_atlas.formats`: archives, property lists, Mach-O files, as the core reads and writes them.
//!
//! Must not decode a byte.
#![forbid(unsafe_code)]

pub mod aot_cache;
pub mod archive;
pub mod archive_writer;
pub mod atlas;
pub mod macho;
pub mod plist_read;
pub mod plist_write;
