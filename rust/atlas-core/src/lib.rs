//! What a Darwin process has loaded, on any operating system.
//!
//! The crate is a stack of layers; data walks one way, from bytes at the bottom to the model at the top.
//! A folder imports only from the folders below it (`tests/layering.rs` holds it to that).
//!
//! * [`notify`]: changes as they happen: subscribers, the registration with dyld, its messages
//! * [`task`]: the memory of a process, live or in a core file, and the snapshot that it publishes there
//! * [`model`]: `Snapshot`, images, segments, the shared cache as a record describes it, `diff`
//! * [`memory`]: from addresses to bytes: of a cache's files, and of Mach-O files that lie in none
//! * [`cache`]: the files of shared caches, headers and slide info; where a cache's record comes from, and the table of records
//! * [`schema`]: what the keys of a record mean; the one pass that checks a record and reads it
//! * [`archive`], [`bplist`], [`macho`]: the formats, as checked views of bytes, and their writers
//! * [`compress`]: the `pbz?` container and its codecs
//! * [`bytes`]: owned, sliceable, bounds-checked bytes
//! * [`sys`]: files, mappings, sockets, other processes; the only folder with `unsafe`
//!
//! At the root stand the few words that every layer speaks: errors, limits, addresses, identifiers.
#![deny(unsafe_code)]

pub mod address;
pub mod error;
pub mod identifier;
pub mod limits;

pub mod sys;

pub mod bytes;

pub mod compress;

pub mod archive;

pub mod bplist;

pub mod macho;

pub mod schema;

pub mod cache;

pub mod memory;

pub mod model;

pub mod task;

pub mod notify;

pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
