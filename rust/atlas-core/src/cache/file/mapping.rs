//! Mappings: which bytes of a file lie where in memory, and how.

use std::ops::Range;

use crate::address::PreferredAddress;
use crate::error::{Error, Result};
use crate::macho::{ByteOrder, Fields};

use super::header::{Header, Table};
use super::raw::{mapping as plain, mapping_and_slide as slid};
use super::tables::rows;

/// Bits of [`Mapping::flags`]: `DYLD_CACHE_MAPPING_*`.
pub mod mapping_flags {
    /// Pointers in it are authenticated.
    pub const AUTH_DATA: u64 = 1;
    /// Its pages are expected to be written.
    pub const DIRTY_DATA: u64 = 2;
    /// Written only while images are loaded.
    pub const CONST_DATA: u64 = 4;
    /// Stubs, in memory that is executable.
    pub const TEXT_STUBS: u64 = 8;
    /// Memory that the system fills when it starts.
    pub const DYNAMIC_CONFIG_DATA: u64 = 0x10;
    /// Never written, and not the tables that the linker reads.
    pub const READ_ONLY_DATA: u64 = 0x20;
    /// Written only by dyld, and only now and then.
    pub const CONST_TPRO_DATA: u64 = 0x40;
}

const READ: u32 = 1;
const WRITE: u32 = 2;
const EXECUTE: u32 = 4;

/// dyld accepts 20.
const MOST: u64 = 1024;

/// A part of a file and the memory that it is mapped to. Offset plus size never leave 64 bits, and no byte lies past
/// them in memory: a mapping may end exactly there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Where it begins, unslid.
    pub address: PreferredAddress,
    /// Bytes of it.
    pub size: u64,
    /// Where it begins in the file. A file that was cut short may end before the mapping does.
    pub file_offset: u64,
    /// Where its slide info stands in the same file.
    pub slide_info: Option<Range<u64>>,
    /// [`mapping_flags`]; 0 before dyld-832.7.
    pub flags: u64,
    /// Most that it may ever be protected as: 1 read, 2 write, 4 execute.
    pub max_protection: u32,
    /// How it is protected at first.
    pub initial_protection: u32,
}

impl Mapping {
    /// What dyld calls it, as in `__AUTH_CONST`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        use mapping_flags::{AUTH_DATA, CONST_DATA, CONST_TPRO_DATA, DIRTY_DATA, READ_ONLY_DATA, TEXT_STUBS};
        let is = |flag| self.flags & flag != 0;
        let may = |protection| self.max_protection & protection != 0;
        match () {
            () if may(EXECUTE) && is(TEXT_STUBS) => "__TEXT_STUBS",
            () if may(EXECUTE) => "__TEXT",
            () if may(WRITE) && is(AUTH_DATA) && is(DIRTY_DATA) => "__AUTH_DIRTY",
            () if may(WRITE) && is(AUTH_DATA) && is(CONST_TPRO_DATA) => "__AUTH_TPRO_CONST",
            () if may(WRITE) && is(AUTH_DATA) && is(CONST_DATA) => "__AUTH_CONST",
            () if may(WRITE) && is(AUTH_DATA) => "__AUTH",
            () if may(WRITE) && is(DIRTY_DATA) => "__DATA_DIRTY",
            () if may(WRITE) && is(CONST_TPRO_DATA) => "__TPRO_CONST",
            () if may(WRITE) && is(CONST_DATA) => "__DATA_CONST",
            () if may(WRITE) => "__DATA",
            () if may(READ) && is(READ_ONLY_DATA) => "__READ_ONLY",
            () if may(READ) => "__LINKEDIT",
            () => "*unknown*",
        }
    }

    /// Where it ends, unslid; one byte before that where it ends with the address space.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.address.0.saturating_add(self.size)
    }

    /// How many bytes are between `base` and its end.
    #[must_use]
    pub const fn reach_from(&self, base: u64) -> u64 {
        reach(base, self.address.0, self.size)
    }

    /// Its bytes in a file of `length` bytes; fewer than [`Mapping::size`], or none, where the file was cut short.
    #[must_use]
    pub fn file_range(&self, length: usize) -> Range<usize> {
        let within = |offset: u64| usize::try_from(offset).map_or(length, |offset| offset.min(length));
        within(self.file_offset)..within(self.file_offset.saturating_add(self.size))
    }

    fn has_place_of(&self, other: &Self) -> bool {
        (self.address, self.size, self.file_offset) == (other.address, other.size, other.file_offset)
    }
}

/// How many bytes are between `base` and the end of what takes `size` bytes at `address`, which may be that of the
/// address space.
pub(crate) const fn reach(base: u64, address: u64, size: u64) -> u64 {
    match address.checked_sub(base) {
        Some(before) => before.saturating_add(size),
        None => size.saturating_sub(base.wrapping_sub(address)),
    }
}

/// The mappings of a file, and what is odd about them.
pub(super) fn read(bytes: &[u8], order: ByteOrder, header: &Header) -> Result<(Vec<Mapping>, Vec<String>)> {
    let mut warnings = Vec::new();
    let mut mappings = plain(bytes, order, header)?;
    let (mut start, mut row) = (u64::from(header.mapping_offset), plain::SIZE);
    match header.mapping_with_slide.filter(|table| table.count != 0) {
        Some(table) => {
            let with_slide = read_table(bytes, order, table, slid::SIZE, "mappings with slide info", read_slid)?;
            let same = mappings.len() == with_slide.len()
                && mappings.iter().zip(&with_slide).all(|(one, other)| one.has_place_of(other));
            if !same {
                warnings
                    .push("the two tables of mappings differ; the one with slide info counts, as for dyld".to_owned());
            }
            mappings = with_slide;
            (start, row) = (table.offset, slid::SIZE);
        }
        // Until dyld-750 only the data could slide, and it was the second mapping.
        None => {
            if let (Some(data), Some(info)) = (mappings.get_mut(1), header.slide_info.filter(|info| info.size != 0)) {
                data.slide_info = Some(info.offset..info.offset.saturating_add(info.size));
            }
        }
    }
    for (index, mapping) in mappings.iter_mut().enumerate() {
        let place = usize::try_from(start).unwrap_or(usize::MAX).saturating_add(index.saturating_mul(row));
        check(index, mapping, bytes.len() as u64, &mut warnings).map_err(|error| error.at_offset(place))?;
    }
    Ok((mappings, warnings))
}

/// The rows of the table that every generation has.
pub(super) fn plain(bytes: &[u8], order: ByteOrder, header: &Header) -> Result<Vec<Mapping>> {
    let table = Table { offset: header.mapping_offset.into(), count: header.mapping_count.into() };
    read_table(bytes, order, table, plain::SIZE, "mappings", read_plain)
}

fn read_table(
    bytes: &[u8],
    order: ByteOrder,
    table: Table,
    size: usize,
    what: &'static str,
    read: fn(Fields<'_>) -> Mapping,
) -> Result<Vec<Mapping>> {
    if table.count > MOST {
        return Err(Error::cache(format!("at most {MOST} {what}"), table.count.to_string()).at_key(what));
    }
    let rows = rows(bytes, table, size, what)?;
    Ok(rows.chunks_exact(size).map(|row| read(Fields::new(row, order))).collect())
}

fn read_plain(fields: Fields<'_>) -> Mapping {
    Mapping {
        address: PreferredAddress(fields.u64(plain::ADDRESS)),
        size: fields.u64(plain::SIZE_FIELD),
        file_offset: fields.u64(plain::FILE_OFFSET),
        slide_info: None,
        flags: 0,
        max_protection: fields.u32(plain::MAX_PROTECTION),
        initial_protection: fields.u32(plain::INITIAL_PROTECTION),
    }
}

fn read_slid(fields: Fields<'_>) -> Mapping {
    let (offset, size) = (fields.u64(slid::SLIDE_INFO), fields.u64(slid::SLIDE_INFO + 8));
    Mapping {
        slide_info: (size != 0).then(|| offset..offset.saturating_add(size)),
        flags: fields.u64(slid::FLAGS),
        max_protection: fields.u32(slid::MAX_PROTECTION),
        initial_protection: fields.u32(slid::INITIAL_PROTECTION),
        ..read_plain(fields)
    }
}

/// Refuses sums that leave 64 bits; says what leaves a file of `length` bytes, and forgets slide info that does.
fn check(index: usize, mapping: &mut Mapping, length: u64, warnings: &mut Vec<String>) -> Result<()> {
    // The last byte of memory has an address, the place behind it has none.
    let last = mapping.size.saturating_sub(1);
    for (field, start, size) in
        [("address", mapping.address.0, last), ("file offset", mapping.file_offset, mapping.size)]
    {
        if start.checked_add(size).is_none() {
            return Err(Error::cache(
                format!("a size that fits after the {field} {start:#x}"),
                format!("{:#x}", mapping.size),
            )
            .at_key(format!("mappings[{index}]")));
        }
    }
    let end = mapping.file_offset.saturating_add(mapping.size);
    if end > length {
        warnings.push(format!(
            "mappings[{index}]: ends at {end:#x} of a file of {length:#x} bytes: the file was cut short, or is of another cache"
        ));
    }
    if let Some(info) = mapping.slide_info.take_if(|info| info.start > info.end || info.end > length) {
        warnings.push(format!(
            "mappings[{index}]: slide info from {:#x} to {:#x} leaves the file of {length:#x} bytes",
            info.start, info.end
        ));
    }
    Ok(())
}
