//! The tables that a cache may have or not, from files that are whole.

use crate::cache::file::{AddressRange, FileRange, OffsetRange};
use crate::cache::tables::{self, DynamicData, FunctionVariants, Prewarming};
use crate::error::Result;

use super::CacheMemory;

/// Most bytes of [`DynamicData`] that are looked at: the builder leaves room for 16 KiB.
const MOST_DYNAMIC_DATA: u64 = 1 << 20;

impl CacheMemory {
    /// Memory that is writable only while dyld asks for it: see [`tables::tpro_mappings`].
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] where the table leaves its file, or that was cut short.
    pub fn tpro_mappings(&self) -> Result<Vec<AddressRange>> {
        self.check_file(0)?;
        tables::tpro_mappings(self.group())
    }

    /// Pages worth reading early; `None` where the cache has no such table.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] where the table is not there or is broken, or its file was cut short.
    pub fn prewarming(&self) -> Result<Option<Prewarming>> {
        if let Some(range) = self.group().main().file.header().prewarming {
            self.check_file(0)?;
            self.check_file_at(self.in_memory(range))?;
        }
        Prewarming::of(self.group())
    }

    /// Pointers to functions that exist in several variants; `None` where the cache has no such table.
    ///
    /// # Errors
    /// As [`Self::prewarming`].
    pub fn function_variants(&self) -> Result<Option<FunctionVariants>> {
        if let Some(range) = self.group().main().file.header().function_variants {
            self.check_file_at(range.address.0)?;
        }
        FunctionVariants::of(self.group())
    }

    /// What a system has put into the region that it fills when it starts; `None` where the files hold none of it, as
    /// those of a builder do, or only zeros.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] where the file of the region was cut short.
    pub fn dynamic_data(&self) -> Result<Option<DynamicData>> {
        let Some(range) = self.group().main().file.header().dynamic_data else { return Ok(None) };
        let address = self.in_memory(range);
        let Some(place) = self.group().at(address) else { return Ok(None) };
        self.check_file(place.file)?;
        let size = place.left.min(range.size).min(MOST_DYNAMIC_DATA);
        let file = self.group().files().get(place.file).map(|file| &file.file);
        let bytes = file.and_then(|file| file.range(FileRange { offset: place.file_offset, size }));
        Ok(bytes.and_then(DynamicData::parse))
    }

    fn in_memory(&self, range: OffsetRange) -> u64 {
        self.group().main().file.base_address().0.wrapping_add(range.vm_offset)
    }

    fn check_file_at(&self, address: u64) -> Result<()> {
        self.group().at(address).map_or(Ok(()), |place| self.check_file(place.file))
    }
}
