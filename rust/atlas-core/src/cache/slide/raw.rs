//! Layouts and numbers of `dyld_cache_slide_info*` in `<mach-o/dyld_cache_format.h>`. No behaviour.
//!
//! Offsets are bytes from the start of the slide info. All integers are little-endian: caches of PowerPC never slid.

/// The version, first field of each.
pub(super) const VERSION: usize = 0;

/// `dyld_cache_slide_info`, version 1.
pub(super) mod v1 {
    pub const TOC_OFFSET: usize = 4;
    pub const TOC_COUNT: usize = 8;
    pub const ENTRIES_OFFSET: usize = 12;
    pub const ENTRIES_COUNT: usize = 16;
    pub const ENTRIES_SIZE: usize = 20;
    /// Bytes of one entry: a bit for each word of a page.
    pub const ENTRY_SIZE: u32 = 128;
    pub const PAGE_SIZE: u32 = 4096;
}

/// `dyld_cache_slide_info2`; `dyld_cache_slide_info4` has the same fields.
pub(super) mod v2 {
    pub const PAGE_SIZE: usize = 4;
    pub const STARTS_OFFSET: usize = 8;
    pub const STARTS_COUNT: usize = 12;
    pub const EXTRAS_OFFSET: usize = 16;
    pub const EXTRAS_COUNT: usize = 20;
    pub const DELTA_MASK: usize = 24;
    pub const VALUE_ADD: usize = 32;
}

/// `dyld_cache_slide_info3`; `dyld_cache_slide_info5` has the same fields. Four bytes of padding precede the value.
pub(super) mod v3 {
    pub const PAGE_SIZE: usize = 4;
    pub const STARTS_COUNT: usize = 8;
    pub const VALUE_ADD: usize = 16;
    pub const STARTS: usize = 24;
}

/// What a start of a page says.
#[derive(Clone, Copy, Debug)]
pub(super) struct StartFormat {
    /// The page has no pointers.
    pub none: u16,
    /// The start is a position in the extras; 0 where there are none.
    pub extra: u16,
    /// The bits of a position in the extras, and of an offset there.
    pub index: u16,
    /// The last extra of a page.
    pub end: u16,
    /// Bytes of the page that 1 stands for.
    pub unit: u64,
}

/// `DYLD_CACHE_SLIDE_PAGE_ATTR_*`
pub(super) const STARTS_V2: StartFormat =
    StartFormat { none: 0x4000, extra: 0x8000, index: 0x3fff, end: 0x8000, unit: 4 };
/// `DYLD_CACHE_SLIDE4_PAGE_*`
pub(super) const STARTS_V4: StartFormat =
    StartFormat { none: 0xffff, extra: 0x8000, index: 0x7fff, end: 0x8000, unit: 4 };
/// `DYLD_CACHE_SLIDE_V3_PAGE_ATTR_NO_REBASE`, and the same of version 5.
pub(super) const STARTS_V3: StartFormat = StartFormat { none: 0xffff, extra: 0, index: 0, end: 0, unit: 1 };
