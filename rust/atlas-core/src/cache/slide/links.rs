//! Walks the links of pages: what stands where, and where the next one is.

use std::ops::Range;

use crate::bytes::Cursor;
use crate::error::{Error, Result};

use super::SlideInfo;
use super::raw::{StartFormat, v1};

/// Bytes of the largest pages that starts of version 4 reach into; real ones have 4 or 16 KiB.
const LARGEST_PAGE: u64 = 1 << 17;

/// The tables that say where a page's pointers begin.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pages<'a> {
    /// Version 1: the number of the bitmap of each page.
    Bitmaps { toc: &'a [u8], entries: &'a [u8] },
    /// The others: the start of the chain of each page, or of its list of chains in the extras.
    Chains { starts: &'a [u8], extras: &'a [u8], format: StartFormat },
}

impl Pages<'_> {
    /// How many pages the table has.
    pub const fn count(&self) -> usize {
        let (Self::Bitmaps { toc: table, .. } | Self::Chains { starts: table, .. }) = self;
        table.len() / 2
    }

    /// Whether a pointer of `size` bytes may begin in the page and end in the next one. Links are aligned to four
    /// bytes; those of versions 3 and 5 to eight, unless the start of the page is not (which no builder writes).
    pub fn may_cross_end(&self, page: usize, size: u64) -> bool {
        match self {
            Self::Bitmaps { .. } => size > 4,
            Self::Chains { starts, format, .. } => match entry(starts, page) {
                Some(start) if format.unit == 1 => u64::from(start) % size != 0,
                Some(_) => size > format.unit,
                None => false,
            },
        }
    }

    /// The pages `first` to `last`, as far as the table has them. Those behind hold no pointers.
    pub fn numbered(&self, first: u64, last: u64) -> Range<usize> {
        let cut = |page: u64| usize::try_from(page).map_or(self.count(), |page| page.min(self.count()));
        cut(first)..cut(last.saturating_add(1))
    }
}

/// One word of a chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Offset in the mapping.
    pub offset: u64,
    /// The bytes there, as a number.
    pub raw: u64,
}

/// Where a walk stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Before its page.
    Page,
    /// Before a link at an offset in the page, of its only chain. Bytes before `free` belong to earlier links.
    Link { offset: u64, free: u64 },
    /// Before the chain that an extra starts; the page can hold `left` more links.
    Extra { index: usize, left: u64 },
    /// Before a link of such a chain; `next` is the extra that goes on after it.
    Chained { offset: u64, free: u64, left: u64, next: Option<usize> },
    /// Behind a fault of such a chain; nobody has asked for the next one.
    Faulty { index: usize, left: u64 },
    /// Before a word of a page with a bitmap.
    Word { number: usize, bitmap: &'a [u8] },
}

/// The links of some pages. A page with a fault gives one error, and the next page goes on.
///
/// Every link must begin behind the end of the one before in its chain: a link only ever leads forward. Chains of one
/// page may stand in any order, and between each other's links; dyld walks each by itself. All of them together may
/// have as many links as the page can hold, so that lists of extras, which pages may share, do not multiply.
pub(super) struct Links<'b> {
    info: &'b SlideInfo<'b>,
    bytes: &'b [u8],
    pages: Range<usize>,
    place: Place<'b>,
}

impl<'b> Links<'b> {
    pub fn new(info: &'b SlideInfo<'b>, mapping_bytes: &'b [u8], pages: Range<usize>) -> Self {
        let size = usize::try_from(info.size).unwrap_or(usize::MAX);
        Self { info, bytes: mapping_bytes.get(..size).unwrap_or(mapping_bytes), pages, place: Place::Page }
    }

    /// The first place of the page, or `None` where it has no pointers.
    fn enter(&self) -> Result<Option<Place<'b>>> {
        let page = self.pages.start;
        match self.info.pages {
            Pages::Bitmaps { toc, entries } => {
                let Some(number) = entry(toc, page) else { return Ok(None) };
                let size = v1::ENTRY_SIZE as usize;
                let bitmap = Cursor::at(entries, usize::from(number) * size).take(size);
                bitmap.map(|bitmap| Some(Place::Word { number: 0, bitmap })).ok_or_else(|| {
                    self.fault(0, format!("one of {} bitmaps", entries.len() / size), format!("bitmap {number}"))
                })
            }
            Pages::Chains { starts, format, .. } => Ok(match entry(starts, page) {
                None => None,
                Some(start) if start == format.none => None,
                Some(start) if start & format.extra != 0 => {
                    Some(Place::Extra { index: usize::from(start & format.index), left: self.room() })
                }
                Some(start) => Some(Place::Link { offset: u64::from(start) * format.unit, free: 0 }),
            }),
        }
    }

    /// How many links the page can hold. Of one that is larger than any builder writes, only what the mapping has of it
    /// counts.
    fn room(&self) -> u64 {
        let here = (self.bytes.len() as u64).saturating_sub(self.offset(0)).max(LARGEST_PAGE);
        here.min(self.info.page_size).div_ceil(self.info.pointer_size().into())
    }

    /// The first link of the chain that the extra `index` starts.
    fn extra(&self, index: usize, left: u64) -> Result<Place<'b>> {
        let Pages::Chains { extras, format, .. } = self.info.pages else { return Ok(Place::Page) };
        let extra = entry(extras, index).ok_or_else(|| {
            let expected = format!("an extra of {} that ends the list", extras.len() / 2);
            self.fault(0, expected, format!("extra {index}"))
        })?;
        let next = if extra & format.end == 0 { index.checked_add(1) } else { None };
        Ok(Place::Chained { offset: u64::from(extra & format.index) * format.unit, free: 0, left, next })
    }

    /// Reads the link at an offset in the page; the second is how far it is to the next one, 0 at the end of the chain.
    fn link(&self, offset: u64, free: u64) -> Result<(Link, u64)> {
        if offset < free {
            let found = format!("one at {offset:#x} of the page, where {free:#x} is free");
            return Err(self.fault(self.before(free), "links that do not overlap", found));
        }
        if offset >= self.info.page_size {
            let found = format!("one at {offset:#x} of the page");
            return Err(self.fault(self.before(free), "a link in its page", found));
        }
        let link = self.read(offset)?;
        Ok((link, self.info.encoding.delta(link.raw)))
    }

    /// The same for a chain of several; the second is where the walk goes on, `None` behind the page.
    fn chained(&self, offset: u64, free: u64, left: u64, next: Option<usize>) -> Result<(Link, Option<Place<'b>>)> {
        let Some(left) = left.checked_sub(1) else {
            let found = format!("one more at {offset:#x} of the page");
            return Err(self.fault(0, format!("at most {} links in the page", self.room()), found));
        };
        let (link, delta) = self.link(offset, free)?;
        let place = match (delta, next) {
            (0, None) => None,
            (0, Some(index)) => Some(Place::Extra { index, left }),
            (delta, next) => {
                let free = self.behind(offset);
                Some(Place::Chained { offset: offset.saturating_add(delta), free, left, next })
            }
        };
        Ok((link, place))
    }

    /// Where a link at an offset in the page ends.
    #[inline]
    fn behind(&self, offset: u64) -> u64 {
        offset.saturating_add(self.info.pointer_size().into())
    }

    /// The first link from the word `number` of the page on, and the words behind it.
    fn word(&self, number: usize, bitmap: &'b [u8]) -> Result<Option<(Link, Place<'b>)>> {
        let marked = |word: &usize| bitmap.get(word / 8).is_some_and(|byte| byte >> (word % 8) & 1 != 0);
        let Some(word) = (number..bitmap.len().saturating_mul(8)).find(marked) else { return Ok(None) };
        let link = self.read(word as u64 * 4)?;
        Ok(Some((link, Place::Word { number: word.saturating_add(1), bitmap })))
    }

    /// The link at an offset in the page, where the mapping has as much.
    #[inline]
    fn peek(&self, offset: u64) -> Option<Link> {
        let place = self.offset(offset);
        let mut cursor = Cursor::at(self.bytes, usize::try_from(place).ok()?);
        let raw = if self.info.pointer_size() == 8 { cursor.u64_le() } else { cursor.u32_le().map(u64::from) };
        raw.map(|raw| Link { offset: place, raw })
    }

    fn read(&self, offset: u64) -> Result<Link> {
        self.peek(offset).ok_or_else(|| {
            self.fault(offset, "a link in the mapping", format!("a mapping of {:#x} bytes", self.bytes.len()))
        })
    }

    /// The offset in the mapping of an offset in the page.
    #[inline]
    fn offset(&self, offset: u64) -> u64 {
        (self.pages.start as u64).saturating_mul(self.info.page_size).saturating_add(offset)
    }

    /// The link that ends where the page is free; whoever leads somewhere wrong is there, or is the start of the page.
    fn before(&self, free: u64) -> u64 {
        free.saturating_sub(self.info.pointer_size().into())
    }

    /// An error of the page, at an offset in it.
    #[cold]
    fn fault(&self, offset: u64, expected: impl Into<std::borrow::Cow<'static, str>>, found: String) -> Error {
        let table = if matches!(self.info.pages, Pages::Bitmaps { .. }) { "toc" } else { "page_starts" };
        let place = usize::try_from(self.offset(offset)).unwrap_or(usize::MAX);
        Error::cache(expected, found).at_offset(place).at_key(format!("{table}[{}]", self.pages.start))
    }

    /// One step: a link, if there is one, and where the walk goes on, `None` behind the page.
    fn step(&self) -> Result<(Option<Link>, Option<Place<'b>>)> {
        Ok(match self.place {
            Place::Page => (None, self.enter()?),
            Place::Link { offset, free } => {
                let (link, delta) = self.link(offset, free)?;
                let next = Place::Link { offset: offset.saturating_add(delta), free: self.behind(offset) };
                (Some(link), (delta != 0).then_some(next))
            }
            Place::Extra { index, left } => (None, Some(self.extra(index, left)?)),
            Place::Chained { offset, free, left, next } => {
                let (link, place) = self.chained(offset, free, left, next)?;
                (Some(link), place)
            }
            Place::Faulty { .. } => (None, None),
            Place::Word { number, bitmap } => self.word(number, bitmap)?.unzip(),
        })
    }
}

impl Iterator for Links<'_> {
    type Item = Result<Link>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // Nearly every step is one along a chain: it is taken without the detours that the others need.
        if let Place::Link { offset, free } = self.place
            && offset >= free
            && offset < self.info.page_size
            && let Some(link) = self.peek(offset)
        {
            let free = offset.wrapping_add(self.info.pointer_size().into());
            let delta = self.info.encoding.delta(link.raw);
            if delta != 0 {
                self.place = Place::Link { offset: offset.wrapping_add(delta), free };
                return Some(Ok(link));
            }
        }
        self.next_with_detours()
    }
}

impl<'b> Links<'b> {
    /// Leaves the rest of a chain for the next one of the same page: behind a link or a fault that nobody minds.
    /// `false` where there is none, and the walk goes on as it would have.
    pub fn next_chain(&mut self) -> bool {
        match self.place {
            Place::Chained { left, next: Some(index), .. } | Place::Faulty { index, left } => {
                self.place = Place::Extra { index, left };
            }
            Place::Extra { .. } => {}
            _ => return false,
        }
        true
    }

    /// Where a fault leaves the walk: `None`, behind the page, unless more chains of it could be asked for.
    fn faulty(&self) -> Option<Place<'b>> {
        match self.place {
            Place::Chained { left, next: Some(index), .. } => Some(Place::Faulty { index, left: left.checked_sub(1)? }),
            _ => None,
        }
    }

    /// Kept out of the loop over a page's only chain, which is all that most pages have.
    #[inline(never)]
    fn next_with_detours(&mut self) -> Option<Result<Link>> {
        if let Place::Chained { offset, free, left, next } = self.place
            && let Ok((link, Some(place))) = self.chained(offset, free, left, next)
        {
            self.place = place;
            return Some(Ok(link));
        }
        while !self.pages.is_empty() {
            let (found, place) = match self.step() {
                Ok((link, place)) => (link.map(Ok), place),
                Err(error) => (Some(Err(error)), self.faulty()),
            };
            self.place = place.unwrap_or(Place::Page);
            if place.is_none() {
                self.pages.start = self.pages.start.saturating_add(1);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// An entry of a table of `u16`.
fn entry(table: &[u8], index: usize) -> Option<u16> {
    Cursor::at(table, index.checked_mul(2)?).u16_le()
}
