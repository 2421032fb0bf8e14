//! Checks the tables of slide info.

use crate::bytes::Cursor;
use crate::error::{Error, Result};

use super::SlideInfo;
use super::decode::Encoding;
use super::links::Pages;
use super::raw::{STARTS_V2, STARTS_V3, STARTS_V4, StartFormat, VERSION, v1, v2, v3};

/// Pages are 4 KiB or 16 KiB. Below this, a pointer would be longer than a page.
const SMALLEST_PAGE: u32 = 16;

/// Far larger than any page. A page is walked as a whole, so that without a bound a small part of a mapping would cost
/// all of it.
pub(crate) const LARGEST_PAGE: u32 = 1 << 20;

/// The bytes that the fields are read from.
#[derive(Clone, Copy)]
struct Info<'a>(&'a [u8]);

impl<'a> Info<'a> {
    fn u32(self, at: usize, name: &'static str) -> Result<u32> {
        Cursor::at(self.0, at).u32_le().ok_or_else(|| self.short(at, name))
    }

    fn u64(self, at: usize, name: &'static str) -> Result<u64> {
        Cursor::at(self.0, at).u64_le().ok_or_else(|| self.short(at, name))
    }

    fn short(self, at: usize, name: &'static str) -> Error {
        Error::cache("slide info", format!("{} bytes", self.0.len())).at_offset(at).at_key(name)
    }

    /// A table of `count` entries of `size` bytes.
    fn table(self, offset: usize, count: u32, size: usize, name: &'static str) -> Result<&'a [u8]> {
        let length = (count as usize).checked_mul(size);
        length.and_then(|length| Cursor::at(self.0, offset).take(length)).ok_or_else(|| {
            let found = format!("{count} entries of {size} bytes, of {} bytes in all", self.0.len());
            Error::cache("a table in the slide info", found).at_offset(offset).at_key(name)
        })
    }

    fn page_size(self, at: usize) -> Result<u32> {
        let size = self.u32(at, "page_size")?;
        if (SMALLEST_PAGE..=LARGEST_PAGE).contains(&size) && size.is_power_of_two() {
            return Ok(size);
        }
        let expected = format!("a power of two of {SMALLEST_PAGE} to {LARGEST_PAGE} as size of pages");
        Err(Error::cache(expected, size.to_string()).at_offset(at).at_key("page_size"))
    }

    fn starts(self, offset: usize, count: u32, extras: &'a [u8], format: StartFormat) -> Result<Pages<'a>> {
        Ok(Pages::Chains { starts: self.table(offset, count, 2, "page_starts")?, extras, format })
    }

    /// The starts and extras of versions 2 and 4.
    fn starts_and_extras(self, format: StartFormat) -> Result<Pages<'a>> {
        let offset = self.u32(v2::EXTRAS_OFFSET, "page_extras_offset")? as usize;
        let count = self.u32(v2::EXTRAS_COUNT, "page_extras_count")?;
        let extras = if count == 0 { &[] } else { self.table(offset, count, 2, "page_extras")? };
        let offset = self.u32(v2::STARTS_OFFSET, "page_starts_offset")? as usize;
        self.starts(offset, self.u32(v2::STARTS_COUNT, "page_starts_count")?, extras, format)
    }

    /// The mask of versions 2 and 4 and how far what it leaves is shifted, so that it counts bytes.
    fn delta_mask(self) -> Result<(u64, u32)> {
        let mask = self.u64(v2::DELTA_MASK, "delta_mask")?;
        let shift = mask.trailing_zeros().checked_sub(2).filter(|_| mask != 0);
        shift.map(|shift| (mask, shift)).ok_or_else(|| {
            let found = format!("{mask:#x}");
            Error::cache("a mask above the lowest two bits", found).at_offset(v2::DELTA_MASK).at_key("delta_mask")
        })
    }
}

pub(super) fn parse(bytes: &[u8], address: u64, size: u64, pointer_size: u8) -> Result<SlideInfo<'_>> {
    let info = Info(bytes);
    let version = info.u32(VERSION, "version")?;
    let (page_size, encoding, pages) = match version {
        1 => bitmaps(info, pointer_size)?,
        2 => {
            let (delta_mask, delta_shift) = info.delta_mask()?;
            // Nothing says how wide the pointers are. The mask of a 32-bit cache lies in 32 bits; that of a 64-bit one
            // lies above them, since the addresses below it are longer than that.
            let wide = delta_mask > u64::from(u32::MAX);
            let value_add = info.u64(v2::VALUE_ADD, "value_add")?;
            let encoding = Encoding::Masked { wide, delta_mask, delta_shift, value_add };
            (info.page_size(v2::PAGE_SIZE)?, encoding, info.starts_and_extras(STARTS_V2)?)
        }
        4 => {
            let (mask, delta_shift) = info.delta_mask()?;
            let delta_mask = u32::try_from(mask).map_err(|_| {
                let found = format!("{mask:#x}");
                Error::cache("a mask of 32 bits", found).at_offset(v2::DELTA_MASK).at_key("delta_mask")
            })?;
            let value_add = info.u64(v2::VALUE_ADD, "value_add")? as u32;
            let encoding = Encoding::Small { delta_mask, delta_shift, value_add };
            (info.page_size(v2::PAGE_SIZE)?, encoding, info.starts_and_extras(STARTS_V4)?)
        }
        3 | 5 => {
            let value_add = info.u64(v3::VALUE_ADD, "value_add")?;
            let encoding =
                if version == 3 { Encoding::Chained3 { value_add } } else { Encoding::Chained5 { value_add } };
            let count = info.u32(v3::STARTS_COUNT, "page_starts_count")?;
            (info.page_size(v3::PAGE_SIZE)?, encoding, info.starts(v3::STARTS, count, &[], STARTS_V3)?)
        }
        other => {
            return Err(Error::cache("slide info of version 1 to 5", format!("version {other}"))
                .at_offset(VERSION)
                .at_key("version"));
        }
    };
    Ok(SlideInfo { version, page_size: u64::from(page_size), address, size, encoding, pages })
}

fn bitmaps(info: Info<'_>, pointer_size: u8) -> Result<(u32, Encoding, Pages<'_>)> {
    let entry_size = info.u32(v1::ENTRIES_SIZE, "entries_size")?;
    if entry_size != v1::ENTRY_SIZE {
        let found = format!("{entry_size} bytes");
        return Err(Error::cache("entries of 128 bytes", found).at_offset(v1::ENTRIES_SIZE).at_key("entries_size"));
    }
    let count = info.u32(v1::ENTRIES_COUNT, "entries_count")?;
    let offset = info.u32(v1::ENTRIES_OFFSET, "entries_offset")? as usize;
    let entries = info.table(offset, count, v1::ENTRY_SIZE as usize, "entries")?;
    let count = info.u32(v1::TOC_COUNT, "toc_count")?;
    let toc = info.table(info.u32(v1::TOC_OFFSET, "toc_offset")? as usize, count, 2, "toc")?;
    // Before dyld-360, 64-bit caches had this version, too; where the cache lies tells nothing of its pointers.
    let wide = pointer_size == 8;
    Ok((v1::PAGE_SIZE, Encoding::Plain { wide }, Pages::Bitmaps { toc, entries }))
}
