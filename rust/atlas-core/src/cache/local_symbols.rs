//! Local symbols: where a cache keeps the names that its images do not export, per image.
//!
//! Until dyld-940 they stand behind the mappings of the only file, since then in a file that ends in `.symbols`. The
//! table alone is read here: which `nlist`s are whose.

use crate::address::PreferredAddress;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::macho::{ByteOrder, Fields};

use super::file::FileRange;
use super::group::{CacheGroup, GroupFile};

/// `dyld_cache_local_symbols_info`; its offsets count from itself.
mod info {
    pub const NLIST_OFFSET: usize = 0;
    pub const NLIST_COUNT: usize = 4;
    pub const STRINGS_OFFSET: usize = 8;
    pub const STRINGS_SIZE: usize = 12;
    pub const ENTRIES_OFFSET: usize = 16;
    pub const ENTRIES_COUNT: usize = 20;
    pub const SIZE: usize = 24;
}

/// Sizes of `dyld_cache_local_symbols_entry` and `dyld_cache_local_symbols_entry_64`, which differ in their first
/// field.
const ENTRY: usize = 12;
const WIDE_ENTRY: usize = 16;

/// `nlist` and `nlist_64`, which differ in the value.
mod nlist {
    pub const NAME: usize = 0;
    /// Type and section, a byte each.
    pub const TYPE_AND_SECTION: usize = 4;
    pub const DESCRIPTION: usize = 6;
    pub const VALUE: usize = 8;
    pub const SIZE: usize = 12;
    pub const WIDE_SIZE: usize = 16;
}

/// The local symbols of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalSymbolsEntry {
    /// Which image: see [`LocalSymbols::image_address`].
    pub dylib_offset: u64,
    /// Its first `nlist`.
    pub start: u32,
    /// How many it has.
    pub count: u32,
}

/// One local symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalSymbol {
    /// Where its name begins: see [`LocalSymbols::name`].
    pub name_offset: u32,
    /// Its address, unslid.
    pub address: PreferredAddress,
    /// `n_type`.
    pub kind: u8,
    /// `n_sect`: the number of its section, from 1.
    pub section: u8,
    /// `n_desc`.
    pub description: u16,
}

/// The table of local symbols of a cache, checked.
#[derive(Clone, Debug)]
pub struct LocalSymbols {
    whole: Bytes,
    entries: Bytes,
    nlists: Bytes,
    strings: Bytes,
    order: ByteOrder,
    wide_entries: bool,
    wide_nlists: bool,
    base: u64,
}

impl LocalSymbols {
    /// The local symbols of a cache; `None` where it has none, or their file is missing.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] where the tables leave the file, with its name.
    pub fn of(group: &CacheGroup) -> Result<Option<Self>> {
        let mut holders = group.symbols().into_iter().chain([group.main()]);
        let held = |file: &GroupFile| file.file.header().local_symbols.filter(|range| range.size != 0);
        let Some((holder, range)) = holders.find_map(|file| Some((file, held(file)?))) else {
            return Ok(None);
        };
        Self::read(group, holder, range).map(Some).map_err(|error| error.in_entry(&holder.name))
    }

    fn read(group: &CacheGroup, holder: &GroupFile, range: FileRange) -> Result<Self> {
        let file = &holder.file;
        let main = &group.main().file;
        let whole = || {
            let start = usize::try_from(range.offset).ok()?;
            file.bytes().slice(start..start.checked_add(usize::try_from(range.size).ok()?)?)
        };
        let found = || Error::cache(format!("{:#x} bytes at {:#x}", range.size, range.offset), "less");
        let whole = whole().filter(|whole| whole.len() >= info::SIZE).ok_or_else(found)?;
        let fields = Fields::new(&whole, file.byte_order());
        let part = |offset: usize, count: usize, size: usize, what: &'static str| {
            let (offset, count) = (fields.u32(offset), fields.u32(count));
            let slice = || {
                let start = usize::try_from(offset).ok()?;
                whole.slice(start..start.checked_add(usize::try_from(count).ok()?.checked_mul(size)?)?)
            };
            let expected = || format!("{count} times {size} bytes at {offset:#x}");
            slice().ok_or_else(|| Error::cache(expected(), format!("{:#x} bytes", whole.len())).at_key(what))
        };
        // The main file's generation decides, also for the file of its own. The width of `nlist` is that of the images:
        // arm64_32 is a 64-bit processor with 32-bit images.
        let wide_entries = main.header().has_wide_local_symbols();
        let wide_nlists = group.pointer_size() == 8;
        let entry_size = if wide_entries { WIDE_ENTRY } else { ENTRY };
        let nlist_size = if wide_nlists { nlist::WIDE_SIZE } else { nlist::SIZE };
        Ok(Self {
            entries: part(info::ENTRIES_OFFSET, info::ENTRIES_COUNT, entry_size, "entries")?,
            nlists: part(info::NLIST_OFFSET, info::NLIST_COUNT, nlist_size, "nlists")?,
            strings: part(info::STRINGS_OFFSET, info::STRINGS_SIZE, 1, "strings")?,
            whole,
            order: file.byte_order(),
            wide_entries,
            wide_nlists,
            base: main.base_address().0,
        })
    }

    /// One entry for each image that has local symbols.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = LocalSymbolsEntry> + '_ {
        let size = if self.wide_entries { WIDE_ENTRY } else { ENTRY };
        let offset_size = size.saturating_sub(8);
        self.entries.chunks_exact(size).map(move |row| {
            let fields = Fields::new(row, self.order);
            LocalSymbolsEntry {
                dylib_offset: fields.word(0, self.wide_entries),
                start: fields.u32(offset_size),
                count: fields.u32(offset_size.saturating_add(4)),
            }
        })
    }

    /// The address of the image that an entry is of.
    ///
    /// Newer entries count from the base of the cache in memory. Older ones count in the file: as headers lie in the
    /// first mapping, which begins with the file, that is the same number.
    #[must_use]
    pub fn image_address(&self, entry: LocalSymbolsEntry) -> PreferredAddress {
        PreferredAddress(self.base.wrapping_add(entry.dylib_offset))
    }

    /// The entry of the image at `address`.
    #[must_use]
    pub fn entry(&self, address: PreferredAddress) -> Option<LocalSymbolsEntry> {
        self.entries().find(|entry| self.image_address(*entry) == address)
    }

    /// The symbols of one image, as far as the table reaches.
    pub fn symbols(&self, entry: LocalSymbolsEntry) -> impl ExactSizeIterator<Item = LocalSymbol> + '_ {
        let size = self.nlist_size();
        let at = |index: u32| usize::try_from(index).unwrap_or(usize::MAX).saturating_mul(size).min(self.nlists.len());
        let rows = at(entry.start)..at(entry.start.saturating_add(entry.count));
        self.nlists.get(rows).unwrap_or_default().chunks_exact(size).map(move |row| {
            let fields = Fields::new(row, self.order);
            let [kind, section] = fields.array(nlist::TYPE_AND_SECTION);
            LocalSymbol {
                name_offset: fields.u32(nlist::NAME),
                address: PreferredAddress(fields.word(nlist::VALUE, self.wide_nlists)),
                kind,
                section,
                description: fields.u16(nlist::DESCRIPTION),
            }
        })
    }

    /// The name of a symbol, without its NUL; empty where it would leave the table.
    #[must_use]
    pub fn name(&self, symbol: LocalSymbol) -> &[u8] {
        let start = usize::try_from(symbol.name_offset).unwrap_or(usize::MAX);
        let rest = self.strings.get(start..).unwrap_or_default();
        rest.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// How many symbols all images have together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nlists.len().checked_div(self.nlist_size()).unwrap_or_default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nlists.is_empty()
    }

    /// Bytes of an `nlist`: 12 in 32-bit caches, arm64_32 among them, else 16.
    #[must_use]
    pub const fn nlist_size(&self) -> usize {
        if self.wide_nlists { nlist::WIDE_SIZE } else { nlist::SIZE }
    }

    /// The whole block as it stands in the file, from `dyld_cache_local_symbols_info` on.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.whole
    }

    /// Every `nlist`, as it stands in the file.
    #[must_use]
    pub fn nlists(&self) -> &Bytes {
        &self.nlists
    }

    /// The names, as they stand in the file.
    #[must_use]
    pub fn strings(&self) -> &Bytes {
        &self.strings
    }
}
