//! What the files of a cache say, where they are at hand.

use std::path::Path;
use std::sync::Arc;

use crate::address::PreferredAddress;
use crate::bytes::Mode;
use crate::cache::{CacheGroup, Mapping};
use crate::error::{Error, ErrorKind, Result};
use crate::identifier::FileIdentifier;
use crate::macho::{self, OUTLINE_START, Section, View};
use crate::memory::CacheMemory;
use crate::schema::MappingRow;

use super::shared_cache::SharedCache;

/// One mapping of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheMapping {
    /// The file, by its place in [`SharedCache::subcaches`].
    pub file: usize,
    /// What dyld calls it, as in `__AUTH_CONST`; without flags, by the highest protection alone.
    pub name: &'static str,
    /// Address, size, offset in the file, highest protection.
    pub row: MappingRow,
    /// [`crate::cache::file::mapping_flags`]; `None` where only a record is at hand.
    pub flags: Option<u64>,
    /// How it is protected at first; `None` where only a record is at hand.
    pub initial_protection: Option<u32>,
    /// Its place in the files that are at hand: which of [`CacheGroup::files`], and which of its mappings.
    pub place: Option<(usize, usize)>,
}

impl SharedCache {
    fn identifier(&self) -> FileIdentifier {
        FileIdentifier { uuid: Some(self.uuid()), path: Some(self.file_path().clone()) }
    }

    /// The memory of the cache.
    ///
    /// # Errors
    /// [`ErrorKind::MissingData`] where its files are not at hand: see [`Self::open_memory`].
    pub fn memory(&self) -> Result<&Arc<CacheMemory>> {
        self.memory_cell().get().ok_or_else(|| Error::new(ErrorKind::MissingData(self.identifier())))
    }

    /// The memory of the cache, from the files at `path` and beside it where none are at hand yet.
    ///
    /// # Errors
    /// As [`CacheMemory::open`]; [`ErrorKind::MissingData`] where the main file at `path` has another UUID.
    pub fn open_memory(&self, path: &Path, mode: Mode) -> Result<&Arc<CacheMemory>> {
        if let Some(memory) = self.memory_cell().get() {
            return Ok(memory);
        }
        let memory = CacheMemory::open(path, mode)?;
        if memory.group().main().uuid != Some(self.uuid()) {
            return Err(Error::new(ErrorKind::MissingData(self.identifier())));
        }
        // Of two threads that come here at once one opened the same files in vain.
        Ok(self.memory_cell().get_or_init(|| memory))
    }

    /// Takes files that were found, unless some are at hand already; whoever found them has looked at the UUID.
    pub fn adopt_memory(&self, memory: Arc<CacheMemory>) -> &Arc<CacheMemory> {
        self.memory_cell().get_or_init(|| memory)
    }

    /// The files of the cache, where they are at hand.
    #[must_use]
    pub fn group(&self) -> Option<&CacheGroup> {
        self.memory_cell().get().map(|memory| memory.group())
    }

    /// `PLATFORM_*` of `<mach-o/loader.h>`; `None` without files, and in headers that do not say it.
    #[must_use]
    pub fn platform(&self) -> Option<u32> {
        self.group()?.main().file.header().platform
    }

    /// Where the image lies that `path` is another path of, unslid: links to libraries stand in the dylibs trie of the
    /// main file alone, in old caches in its table of images. `None` without files.
    pub(super) fn alias(&self, path: &str) -> Option<PreferredAddress> {
        let memory = self.memory_cell().get().filter(|_| path.starts_with('/'))?;
        let main = memory.main_file().ok()?;
        let in_trie = || memory.dylibs_trie().ok()??.find(path).ok()?;
        let has_path =
            |&row: &u32| main.image(row).is_some_and(|row| main.has_path_at(row.path_offset, path.as_bytes()));
        let in_table = || main.alias_rows().rows().iter().copied().find(has_path);
        main.image(in_trie().or_else(in_table)?).map(|image| image.address)
    }

    /// The mappings of all files but that of local symbols, file by file.
    #[must_use]
    pub fn mappings(&self) -> Vec<CacheMapping> {
        (0..self.subcaches().len()).flat_map(|file| self.mappings_of(file)).collect()
    }

    /// Those of file `file` of [`Self::subcaches`].
    pub fn mappings_of(&self, file: usize) -> impl Iterator<Item = CacheMapping> + use<'_> {
        let rows = self.subcaches().get(file).map_or(&[][..], |row| &row.mappings);
        let here = self.positions().get(file).copied().flatten();
        let mappings = here.and_then(|here| Some(self.group()?.files().get(here)?.file.mappings()));
        rows.iter().enumerate().map(move |(index, row)| {
            let mapping = mappings.and_then(|mappings| mappings.get(index));
            let mapping = mapping.filter(|mapping| mapping.address.0 == row.preferred_load_address);
            CacheMapping::new(file, row, here.map(|here| (here, index)).zip(mapping))
        })
    }

    /// The sections of the image whose header lies at the unslid `address`.
    ///
    /// # Errors
    /// As [`CacheMemory::read`] where the header cannot be read, and [`ErrorKind::MachO`] where it is none.
    pub fn sections_at(&self, address: PreferredAddress) -> Result<Vec<Section>> {
        let memory = self.memory()?;
        // Read, not looked at in a mapping: the file may have been cut short.
        let start = memory.read(address.0, OUTLINE_START as u64, None)?;
        let size = macho::outline_size(&start).unwrap_or(start.len());
        let header = memory.read(address.0, size as u64, None)?;
        Ok(View::parse(&header)?.sections().collect())
    }
}

impl CacheMapping {
    fn new(file: usize, row: &MappingRow, at_hand: Option<((usize, usize), &Mapping)>) -> Self {
        let (place, mapping) = at_hand.unzip();
        let name = mapping.map_or_else(
            || {
                // As if it had no flags.
                let (address, max_protection) =
                    (PreferredAddress(row.preferred_load_address), row.max_protection as u32);
                let (size, file_offset) = (row.size, row.file_offset);
                let initial_protection = max_protection;
                Mapping { address, size, file_offset, slide_info: None, flags: 0, max_protection, initial_protection }
                    .name()
            },
            Mapping::name,
        );
        Self {
            file,
            name,
            row: *row,
            flags: mapping.map(|mapping| mapping.flags),
            initial_protection: mapping.map(|mapping| mapping.initial_protection),
            place,
        }
    }
}
