//! Owns the tables that a shared cache may have or not, beyond those that every file begins with.
//!
//! * [`DylibsTrie`]: paths of images, with the aliases that stand nowhere else; [`alias_rows`]: those of old caches
//! * [`tpro_mappings`]: memory that only dyld writes
//! * [`Prewarming`]: pages worth reading early
//! * [`FunctionVariants`]: pointers to functions that exist in several variants
//! * [`DynamicData`]: the memory that the system fills when it starts
//! * [`embedded_atlas`]: an atlas inside the cache
//!
//! Each is read when it is asked for. Must not matter for opening a cache: a table that is broken costs itself.
#![forbid(unsafe_code)]

mod dylibs_trie;
mod dynamic_data;
mod function_variants;
mod prewarming;
#[cfg(test)]
mod tests;

use crate::address::PreferredAddress;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::macho::{ByteOrder, Fields};

use super::file::{AddressRange, OffsetRange};
use super::group::CacheGroup;

pub use dylibs_trie::{DylibsTrie, Paths, alias_rows};
pub use dynamic_data::DynamicData;
pub use function_variants::{FunctionVariant, FunctionVariants};
pub use prewarming::Prewarming;

/// `dyld_cache_tpro_mapping_info`: address and size.
const TPRO_SIZE: usize = 16;
/// Versions of the tables that begin with one.
const VERSION: u32 = 1;
/// Version and number of rows.
const VERSIONED_HEADER: usize = 8;

/// Most rows that one table may have; those of a whole system have some thousands.
const MOST_ROWS: u64 = 1 << 20;

/// Refuses a table of more rows than anybody has: their list takes memory.
fn bounded(count: u64, what: &'static str) -> Result<()> {
    if count > MOST_ROWS {
        Err(Error::limit("rows of a table of a shared cache", MOST_ROWS, count).at_key(what))
    } else {
        Ok(())
    }
}

/// The bytes at `range` of the cache's memory.
fn memory(group: &CacheGroup, range: AddressRange, what: &'static str) -> Result<Bytes> {
    group.slice(range.address.0, range.size).ok_or_else(|| {
        let AddressRange { address, size } = range;
        let expected = format!("{size:#x} bytes at {:#x} in a file that is there", address.0);
        Error::cache(expected, "less").at_key(what)
    })
}

/// Where a range lies that is counted from the header of the main file.
fn from_header(group: &CacheGroup, range: OffsetRange) -> AddressRange {
    let base = group.main().file.base_address().0;
    AddressRange { address: PreferredAddress(base.wrapping_add(range.vm_offset)), size: range.size }
}

/// The rows, of `size` bytes each, of a table that begins with its version and their number.
fn versioned<'a>(bytes: &'a [u8], order: ByteOrder, size: usize, what: &'static str) -> Result<(u32, &'a [u8])> {
    let fields = Fields::new(bytes, order);
    let (version, count) = (fields.u32(0), fields.u32(4));
    // Without rows the builder leaves the version at 0, too.
    if version != VERSION && count != 0 {
        return Err(Error::cache(format!("version {VERSION}"), version.to_string()).at_key(what));
    }
    bounded(count.into(), what)?;
    let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(size));
    let rows = length.and_then(|length| bytes.get(VERSIONED_HEADER..)?.get(..length));
    let found = || Error::cache(format!("{count} rows of {size} bytes"), format!("{} bytes", bytes.len())).at_key(what);
    Ok((version, rows.ok_or_else(found)?))
}

/// Memory that is writable only while dyld asks for it (since dyld-1231), unslid.
///
/// # Errors
/// [`crate::ErrorKind::Cache`] where the table leaves the file.
pub fn tpro_mappings(group: &CacheGroup) -> Result<Vec<AddressRange>> {
    let file = &group.main().file;
    // The builder sets the offset in every file, and the number in the main one alone.
    let Some(table) = file.header().tpro.filter(|table| table.count != 0) else { return Ok(Vec::new()) };
    bounded(table.count, "tproMappings")?;
    let rows = file.rows(table, TPRO_SIZE, "tproMappings")?;
    let row = |row| {
        let fields = Fields::new(row, file.byte_order());
        AddressRange { address: PreferredAddress(fields.u64(0)), size: fields.u64(8) }
    };
    Ok(rows.chunks_exact(TPRO_SIZE).map(row).collect())
}

/// The bytes of an atlas inside the cache, for which the header has had a place since dyld-1042.1. No released builder
/// makes one.
///
/// # Errors
/// [`crate::ErrorKind::Cache`] where the header names bytes that are not there.
pub fn embedded_atlas(group: &CacheGroup) -> Result<Option<Bytes>> {
    let range = group.main().file.header().cache_atlas.filter(|range| range.size != 0);
    range.map(|range| memory(group, from_header(group, range), "cacheAtlas")).transpose()
}
