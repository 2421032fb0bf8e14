//! Pages worth reading early.

use crate::address::PreferredAddress;
use crate::bytes::Bytes;
use crate::error::Result;
use crate::macho::Fields;

use super::super::file::{AddressRange, FileRange};
use super::super::group::CacheGroup;
use super::{from_header, memory, versioned};

const ENTRY_SIZE: usize = 8;
/// The low bits of an entry are bytes from the base of the cache, the others count pages.
const OFFSET_BITS: u32 = 40;
const PAGE_SIZE: u64 = 0x4000;

/// `dyld_prewarming_header` and its entries (since dyld-1284).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prewarming {
    /// Of the table.
    pub version: u32,
    /// Unslid memory to read early.
    pub ranges: Vec<AddressRange>,
}

impl Prewarming {
    /// Reads the table of a cache; `None` where it has none.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] where the table is not there or is broken.
    pub fn of(group: &CacheGroup) -> Result<Option<Self>> {
        let file = &group.main().file;
        let Some(range) = file.header().prewarming.filter(|range| range.size != 0) else { return Ok(None) };
        // dyld's header calls the number a file offset; its builder writes bytes of memory from the base. Inside the
        // first mapping both are the same, behind it only memory leads to the table.
        let bytes = memory(group, from_header(group, range), "prewarmingData").or_else(|error| {
            let range = FileRange { offset: range.vm_offset, size: range.size };
            file.range(range).map(|bytes| Bytes::from(bytes.to_vec())).ok_or(error)
        })?;
        let (version, rows) = versioned(&bytes, file.byte_order(), ENTRY_SIZE, "prewarmingData")?;
        let base = file.base_address().0;
        let row = |row| {
            let entry = Fields::new(row, file.byte_order()).u64(0);
            let offset = entry & (1_u64 << OFFSET_BITS).wrapping_sub(1);
            let size = (entry >> OFFSET_BITS).saturating_mul(PAGE_SIZE);
            AddressRange { address: PreferredAddress(base.wrapping_add(offset)), size }
        };
        Ok(Some(Self { version, ranges: rows.chunks_exact(ENTRY_SIZE).map(row).collect() }))
    }
}
