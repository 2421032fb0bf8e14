//! Owns slide info: where a mapping of a shared cache holds pointers, where they lead, and the bytes that a process
//! sees.
//!
//! * [`SlideInfo`]: the tables of one mapping, versions 1 to 5, checked once and borrowed
//! * [`SlideInfo::pointers`]: every pointer of the mapping, with the signature that it asks for
//! * [`SlideInfo::rebase`]: any window of the mapping as it stands in memory at a slide
//!
//! Pure functions over bytes. Must not open files, know how a cache is made up of them, or trust a number of the
//! tables.
//!
//! | version | written for | a page's pointers |
//! |---|---|---|
//! | 1 | dyld-195 on; today arm64_32 | one bit for each word of four bytes |
//! | 2 | arm64, x86_64, 32-bit caches of their time | chains, linked by bits of the values |
//! | 3 | arm64e up to 4 GiB | one chain, as in chained fixups |
//! | 4 | 32-bit caches up to 1 GiB | as 2, with small numbers among the links |
//! | 5 | arm64e above 4 GiB (dyld-1162 on) | one chain, targets relative to the cache |

mod decode;
mod links;
mod parse;
mod raw;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::cache::file::{CacheFile, FileRange, Mapping};
use crate::error::{Error, Result};

use self::decode::{Encoding, Value};
use self::links::Links;
pub(crate) use self::parse::LARGEST_PAGE;

/// The slide info of one mapping.
#[derive(Clone, Debug)]
pub struct SlideInfo<'a> {
    version: u32,
    page_size: u64,
    address: u64,
    size: u64,
    encoding: Encoding,
    pages: links::Pages<'a>,
}

/// One pointer of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pointer {
    /// Where it lies, unslid.
    pub address: u64,
    /// Where it leads, unslid, with its top byte where it has one.
    pub target: u64,
    /// Its size in bytes: 4 or 8.
    pub size: u8,
    /// How dyld signs it, on arm64e.
    pub authentication: Option<Authentication>,
}

/// How a pointer is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Authentication {
    /// The key.
    pub key: Key,
    /// Mixed into the signature.
    pub diversity: u16,
    /// Whether the address of the pointer is mixed into the signature, too.
    pub address_diversity: bool,
}

/// A key of pointer authentication, in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Instructions, key A.
    IA,
    /// Instructions, key B.
    IB,
    /// Data, key A.
    DA,
    /// Data, key B.
    DB,
}

impl<'a> SlideInfo<'a> {
    /// Checks the slide info at the start of `info`, which may be longer, for the bytes of `mapping`. `pointer_size` is
    /// that of the cache, in bytes: version 1 does not say it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] with the offset in `info`: an unknown version, a size of pages that is none, or a
    /// table that leaves `info`. What single pages say is checked when they are read.
    pub fn parse(info: &'a [u8], mapping: &Mapping, pointer_size: u8) -> Result<Self> {
        parse::parse(info, mapping.address.0, mapping.size, pointer_size)
    }

    /// The slide info of a mapping of `file`, where it has some, in a cache with pointers of `pointer_size` bytes.
    ///
    /// # Errors
    /// As [`SlideInfo::parse`]; the offset is one in the slide info, which begins at `mapping.slide_info`.
    pub fn of(file: &'a CacheFile, mapping: &Mapping, pointer_size: u8) -> Result<Option<Self>> {
        let Some(range) = &mapping.slide_info else { return Ok(None) };
        let range = FileRange { offset: range.start, size: range.end.saturating_sub(range.start) };
        Self::parse(file.range(range).unwrap_or_default(), mapping, pointer_size).map(Some)
    }

    /// The version of the format.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Bytes of the mapping that one entry of the table speaks of.
    #[must_use]
    pub const fn page_size(&self) -> u64 {
        self.page_size
    }

    /// Size in bytes of the pointers of this mapping: 4 or 8.
    #[must_use]
    pub const fn pointer_size(&self) -> u8 {
        self.encoding.pointer_size()
    }

    /// Every pointer of the mapping whose bytes are `mapping_bytes`, page by page in the order of their chains.
    ///
    /// Numbers that a chain only passes through (zeros of version 2, small numbers of version 4) are no pointers. A
    /// page with a fault gives its pointers up to there, then one error, and the next page goes on. The error holds the
    /// offset in the mapping of the link that leads somewhere wrong, and as key the page's entry in the table.
    pub fn pointers<'b>(&'b self, mapping_bytes: &'b [u8]) -> impl Iterator<Item = Result<Pointer>> + use<'a, 'b> {
        self.decoded(mapping_bytes, 0..self.pages.count(), 0..u64::MAX)
    }

    /// The same for the pointers that begin at the offsets of `range` in the mapping. Only the pages that hold these
    /// are read; an error is given for each of them that has a fault, wherever in it that is.
    pub fn pointers_in<'b>(
        &'b self,
        mapping_bytes: &'b [u8],
        range: Range<u64>,
    ) -> impl Iterator<Item = Result<Pointer>> + use<'a, 'b> {
        let pages = match range.end.checked_sub(1).filter(|last| *last >= range.start) {
            Some(last) => self.pages.numbered(range.start / self.page_size, last / self.page_size),
            None => 0..0,
        };
        self.decoded(mapping_bytes, pages, range)
    }

    /// The pointers of some pages, as far as they begin in `range`.
    fn decoded<'b>(
        &'b self,
        mapping_bytes: &'b [u8],
        pages: Range<usize>,
        range: Range<u64>,
    ) -> impl Iterator<Item = Result<Pointer>> + use<'a, 'b> {
        let size = self.pointer_size();
        Links::new(self, mapping_bytes, pages).filter_map(move |link| {
            let link = match link {
                Ok(link) if !range.contains(&link.offset) => return None,
                Ok(link) => link,
                Err(error) => return Some(Err(error)),
            };
            let Value::Pointer { target, authentication } = self.encoding.value(link.raw) else { return None };
            Some(Ok(Pointer { address: self.address.wrapping_add(link.offset), target, size, authentication }))
        })
    }

    /// Makes `window`, a copy of the mapping's bytes from `start` on, what a process at `slide` has there.
    ///
    /// `mapping_bytes` are those of the whole mapping, as in the file. Only pages of the window are read (and the end
    /// of the one before, whose last pointer may reach into it), so that the windows of a mapping, whatever their ends
    /// cut, put together are the rebased mapping. A slide is added modulo 2^64, or 2^32 for pointers of four bytes.
    ///
    /// An authenticated pointer becomes its target and the slide, without the signature: that depends on keys of the
    /// process.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] where the window leaves the mapping, or a page of it has a fault before the window's
    /// end; `window` then is partly rebased.
    pub fn rebase(&self, mapping_bytes: &[u8], start: u64, window: &mut [u8], slide: u64) -> Result<()> {
        let end = start.checked_add(window.len() as u64).filter(|end| *end <= self.size).ok_or_else(|| {
            Error::cache(format!("a window of {} bytes in the mapping", window.len()), format!("start {start:#x}"))
        })?;
        let Some(last) = end.checked_sub(1).filter(|last| *last >= start) else { return Ok(()) };
        let pages = self.pages.numbered(start / self.page_size, last / self.page_size);
        let size = u64::from(self.pointer_size());
        let before = start.saturating_sub(size.saturating_sub(1)) / self.page_size;
        let mut before = self.pages.numbered(before, before).start..pages.start;
        if !self.pages.may_cross_end(before.start, size) {
            before.start = before.end;
        }
        let own = (pages.start as u64).saturating_mul(self.page_size);
        let mut links = Links::new(self, mapping_bytes, before.start..pages.end);
        while let Some(link) = links.next() {
            let link = match link {
                Ok(link) if link.offset < end => link,
                Err(error) => match error.location().offset.unwrap_or_default() {
                    // A fault of the page before is not the window's, nor is one behind it.
                    offset if offset < own || offset >= end => {
                        links.next_chain();
                        continue;
                    }
                    _ => return Err(error),
                },
                Ok(_) if links.next_chain() => continue,
                Ok(_) => break,
            };
            if link.offset.saturating_add(size) <= start {
                continue;
            }
            let value = match self.encoding.value(link.raw) {
                Value::Pointer { target, .. } => target.wrapping_add(slide),
                Value::Number(number) => number,
            };
            write(window, start, link.offset, value, size == 8);
        }
        Ok(())
    }
}

/// Writes the bytes of a pointer at `offset` of the mapping, as far as they lie in the window from `start` on.
#[inline]
fn write(window: &mut [u8], start: u64, offset: u64, value: u64, wide: bool) {
    let inside = offset.checked_sub(start).and_then(|place| usize::try_from(place).ok());
    let bytes = value.to_le_bytes();
    if wide {
        if let Some(whole) = inside.and_then(|place| window.get_mut(place..)?.first_chunk_mut()) {
            *whole = bytes;
            return;
        }
    } else if let Some(whole) = inside.and_then(|place| window.get_mut(place..)?.first_chunk_mut()) {
        *whole = (value as u32).to_le_bytes();
        return;
    }
    write_cut(window, start, offset, bytes.get(..if wide { 8 } else { 4 }).unwrap_or_default());
}

/// As [`write`], where an end of the window cuts the pointer.
#[cold]
fn write_cut(window: &mut [u8], start: u64, offset: u64, bytes: &[u8]) {
    let skipped = usize::try_from(start.saturating_sub(offset)).unwrap_or(usize::MAX);
    let place = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
    let (Some(bytes), Some(window)) = (bytes.get(skipped..), window.get_mut(place..)) else { return };
    for (byte, new) in window.iter_mut().zip(bytes) {
        *byte = *new;
    }
}
