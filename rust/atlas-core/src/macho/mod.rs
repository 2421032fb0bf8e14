//! Owns Mach-O: universal and thin files of every architecture, their headers, load commands, segments and sections.
//!
//! * [`slices`]: what most callers want, one owned [`Slice`] for each architecture in a file
//! * [`Universal`], [`members`]: the table of a universal file, and the bytes of each slice
//! * [`Trie`]: names to payloads, for exports and for the paths in a shared cache
//! * [`View`]: one Mach-O header and its load commands, checked once, borrowed, without allocation
//! * [`outline`]: the segments of thousands of headers, each in one pass
//!
//! Only headers and load commands are read, so that a mapped file costs the pages that hold them and no others.
//! The commands whose fields are read are checked the way dyld checks them; every other command is carried along as
//! a number and its bytes, since a new system release brings new ones and they concern nobody here.
//!
//! Must not open files, know shared caches, or trust that a segment's bytes are where its command says.
#![forbid(unsafe_code)]

mod architecture;
mod check;
mod command;
mod fields;
mod magic;
mod outline;
mod platform;
mod raw;
mod segment;
mod slice;
#[cfg(test)]
pub(crate) mod tests;
mod trie;
mod universal;
mod view;

pub use architecture::Architecture;
pub use command::{Command, Commands, Dependent};
pub use fields::ByteOrder;
pub(crate) use fields::Fields;
pub(crate) use magic::{describe, is_little_endian, macho as width_of};
pub use outline::{OUTLINE_START, Outline, SegmentOutline, outline, outline_size};
pub use platform::{BuildVersion, Version};
pub use segment::{Name, Section, Segment};
pub use slice::{Slice, slice_with_uuid, slices};
pub use trie::Trie;
pub(crate) use trie::uleb128;
pub use universal::{MAX_SLICES, Member, Universal, UniversalEntry, members};
pub use view::View;

/// The numbers of `<mach-o/loader.h>` that callers compare with.
pub mod constants {
    pub use super::raw::{command, file_type, flags};
}
