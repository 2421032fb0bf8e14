//! Owns Apple Archive: the record stream (`AA01`, `YAA1`), its index by path, its links and checksums, and the writer.
//!
//! Must not know what an entry's data means, nor how a container compresses (that is [`crate::compress`]), nor touch
//! a file system: paths are bytes that are compared, never opened.
//!
//! A record stream is `record*` without header, index, trailer or padding; a record is a header that gives its own
//! size, then the payloads of its blob fields in the order of those fields. What no source settles is settled so:
//!
//! | point | here |
//! |---|---|
//! | no bytes at all, also as the yield of a container | error: whatever was cut off, it was no archive; the writer makes none either |
//! | bytes after the last record that are no record, zeros too | error: no writer pads |
//! | `AEA1` (encrypted) | error with a hint; that is another format |
//! | a container within a container | error: dyld undoes one layer |
//! | an unknown subtype | error: its length is unknown, so nothing after it can be found |
//! | an unknown key, record type, or a record without fields | kept and shown |
//! | `TYP`, `PAT`, `LNK`, `DAT`, a checksum of a wrong type | as if absent (a blob still counts) |
//! | one of those keys twice | the first of the right type counts, every blob takes its room |
//! | a path twice | the first entry is found, all are listed |
//! | lookups | see files and links only, not directories or metadata |
//! | malformed extended attributes | reported by [`Entry::extended_attributes`] alone, but a damaged CRC-32C stamp is a bad checksum |
//! | a checksum without a `DAT` field | not checked: manifests carry checksums of data that lies elsewhere |
//! | byte order of `CKS` | little-endian, like all else; a value that fits only the other way round is bad, and the error says so |
//!
//! Offsets, in errors too, count from the first byte of the record stream, which is [`Archive::decoded`]; only those of
//! errors in the container count from the start of that.
#![forbid(unsafe_code)]

mod attributes;
mod cksum;
mod digest;
mod entry;
mod field;
mod index;
mod path;
mod reader;
mod record;
mod span;
mod writer;

#[cfg(test)]
mod tests;

pub use attributes::{Attribute, Attributes};
pub use cksum::cksum;
pub use digest::Checksum;
pub use entry::Entry;
pub use field::{Field, FieldValue, Key};
pub use path::same as is_same_path;
pub use reader::Archive;
pub use span::{STAMP_NAME, Span, Verdict};
pub use writer::{ArchiveWriter, Stamp};
