//! Pointers to functions that exist in several variants, one of which the system chooses when it starts.

use crate::address::PreferredAddress;
use crate::error::Result;
use crate::macho::Fields;

use super::super::group::CacheGroup;
use super::{memory, versioned};

/// `FunctionVariantFixup` of dyld: three addresses, then bits.
mod at {
    pub const FIXUP: usize = 0;
    pub const TABLE: usize = 8;
    pub const HEADER: usize = 16;
    pub const BITS: usize = 24;
    pub const TARGET_DYLIB: usize = 28;
    pub const TABLE_SIZE: usize = 30;
    pub const SIZE: usize = 32;
}

/// One pointer that is set when the system starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FunctionVariant {
    /// Where the pointer lies, unslid.
    pub fixup_location: PreferredAddress,
    /// Where the table of variants lies, unslid.
    pub variants_table: PreferredAddress,
    /// Bytes of that table.
    pub variants_table_size: u32,
    /// Where the header of the library lies that has the variants, unslid.
    pub dylib_header: PreferredAddress,
    /// Its position in the list of images.
    pub target_dylib: u16,
    /// Which function of the table.
    pub variant: u16,
    /// How the pointer is signed: number of the key (0 IA, 1 IB, 2 DA, 3 DB), diversity, and whether its address is
    /// mixed in.
    pub authentication: Option<(u8, u16, bool)>,
}

/// `FunctionVariantInfo` and its rows (since dyld-1284).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionVariants {
    /// Of the table; 0 in an empty one.
    pub version: u32,
    /// The pointers.
    pub entries: Vec<FunctionVariant>,
}

impl FunctionVariants {
    /// Reads the table of a cache; `None` where it has none.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] where the table is not there or is broken.
    pub fn of(group: &CacheGroup) -> Result<Option<Self>> {
        let file = &group.main().file;
        let Some(range) = file.header().function_variants.filter(|range| range.size != 0) else { return Ok(None) };
        let bytes = memory(group, range, "functionVariantInfo")?;
        let (version, rows) = versioned(&bytes, file.byte_order(), at::SIZE, "functionVariantInfo")?;
        let row = |row| FunctionVariant::read(Fields::new(row, file.byte_order()));
        Ok(Some(Self { version, entries: rows.chunks_exact(at::SIZE).map(row).collect() }))
    }
}

impl FunctionVariant {
    fn read(fields: Fields<'_>) -> Self {
        // From the lowest: 12 bits which variant, 1 signed, 1 address mixed in, 2 key, 16 diversity.
        let bits = fields.u32(at::BITS);
        let key = u8::try_from((bits >> 14) & 3).unwrap_or_default();
        let diversity = u16::try_from(bits >> 16).unwrap_or_default();
        Self {
            fixup_location: PreferredAddress(fields.u64(at::FIXUP)),
            variants_table: PreferredAddress(fields.u64(at::TABLE)),
            // In units of four bytes.
            variants_table_size: u32::from(fields.u16(at::TABLE_SIZE)).saturating_mul(4),
            dylib_header: PreferredAddress(fields.u64(at::HEADER)),
            target_dylib: fields.u16(at::TARGET_DYLIB),
            variant: u16::try_from(bits & 0xfff).unwrap_or_default(),
            authentication: (bits & 0x1000 != 0).then_some((key, diversity, bits & 0x2000 != 0)),
        }
    }
}
