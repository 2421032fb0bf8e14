//! Universal ("fat") files: a table of slices, each for one processor.

use std::ops::Range;

use super::architecture::Architecture;
use super::fields::{ByteOrder, Fields};
use super::magic;
use super::raw::{FAT_ENTRY_32, FAT_ENTRY_64, FAT_MAGIC, FAT_MAGIC_64, FatEntryLayout, fat_entry, fat_header};
use super::view::View;
use crate::error::{Error, Result};

/// Most slices that a table may list; dyld refuses more. Java class files, which begin with the same four bytes, ask
/// for at least 45.
pub const MAX_SLICES: u32 = 16;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniversalEntry {
    /// The processor that the table names.
    pub architecture: Architecture,
    /// Where the slice begins, in bytes from the start of the file.
    pub offset: u64,
    /// In bytes.
    pub size: u64,
    /// The power of two that `offset` ought to be a multiple of. Nothing here depends on it.
    pub alignment: u32,
    /// Where the row itself is.
    pub entry_offset: usize,
}

/// The checked table of a universal file.
#[derive(Clone, Debug)]
pub struct Universal<'a> {
    data: &'a [u8],
    entries: Vec<(UniversalEntry, Range<usize>)>,
}

impl<'a> Universal<'a> {
    /// True where `data` begins like a universal file.
    #[must_use]
    pub fn is_universal(data: &[u8]) -> bool {
        layout(data).is_some()
    }

    /// Checks the table at the start of `data`, the whole file. Slices are not looked into.
    ///
    /// # Errors
    /// [`crate::ErrorKind::MachO`] for what dyld refuses: more than [`MAX_SLICES`] slices, a table or slice that leaves
    /// the file, two slices for one processor, slices that overlap; and for a slice that begins inside the table.
    /// Slices in any order and on any alignment are accepted; dyld wants pages, but nothing is ambiguous without.
    pub fn parse(data: &'a [u8]) -> Result<Self> {
        let Some(layout) = layout(data) else {
            return Err(Error::macho(0, "a universal file", magic::describe(data)));
        };
        if data.len() < fat_header::SIZE {
            return Err(Error::macho(0, "a universal header of 8 bytes", format!("{} bytes", data.len())));
        }
        let count = Fields::new(data, ByteOrder::Big).u32(fat_header::COUNT);
        if count > MAX_SLICES {
            return Err(Error::macho(fat_header::COUNT, format!("at most {MAX_SLICES} slices"), format!("{count}"))
                .with_hint("a Java class file begins with the same four bytes"));
        }
        let mut entries: Vec<(UniversalEntry, Range<usize>)> = Vec::with_capacity(count as usize + 1);
        for index in 0..count {
            let Some(mut entry) = read(data, layout, index) else {
                let table = fat_header::SIZE + layout.entry_size * count as usize;
                return Err(Error::macho(
                    fat_header::SIZE,
                    format!("a table of {count} slices, {table} bytes with its header"),
                    format!("a file of {} bytes", data.len()),
                ));
            };
            // libtool wrote tables without the ABI version of arm64e; dyld reads such rows of 32-bit tables so.
            if !layout.wide && entry.architecture == Architecture::ARM64E_OLD {
                entry.architecture = Architecture::ARM64E;
            }
            push(&mut entries, entry, data, layout, count)?;
        }
        // For the sake of old tools that choke on arm64, one slice of it may stand just past the end of a 32-bit table.
        if !layout.wide
            && let Some(entry) = read(data, layout, count)
            && entry.architecture == Architecture::ARM64
        {
            push(&mut entries, entry, data, layout, count.saturating_add(1))?;
        }
        Ok(Self { data, entries })
    }

    /// The rows in the order of the file; a hidden one last.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = UniversalEntry> + '_ {
        self.entries.iter().map(|(entry, _)| *entry)
    }

    /// The slices in the same order.
    pub fn members(&self) -> impl ExactSizeIterator<Item = Member<'a>> + '_ {
        self.entries.iter().map(|(entry, range)| Member {
            architecture: Some(entry.architecture),
            offset: range.start,
            bytes: self.data.get(range.clone()).unwrap_or_default(),
        })
    }
}

/// The bytes of one slice, or of a whole thin file.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// What the table of the universal file says; `None` for a thin file.
    pub architecture: Option<Architecture>,
    /// Where the bytes begin in the file.
    pub offset: usize,
    /// The bytes, a Mach-O or not: universal files of static libraries exist.
    pub bytes: &'a [u8],
}

impl<'a> Member<'a> {
    /// Checks the Mach-O that the slice should be.
    ///
    /// # Errors
    /// As [`View::parse`], with what the slice is instead of a Mach-O, and where its header is for another processor
    /// than the table says. The key path names the slice, as in `slices[arm64]`.
    pub fn view(&self) -> Result<View<'a>> {
        let Some(listed) = self.architecture else { return View::parse(self.bytes) };
        let named = |error: Error| error.at_key(format!("slices[{listed}]"));
        let view = View::parse_at(self.bytes, self.offset).map_err(named)?;
        let found = view.architecture();
        let is_old_arm64e = found == Architecture::ARM64E_OLD && listed == Architecture::ARM64E;
        if found != listed && !is_old_arm64e {
            let expected = format!("a header for {listed}, as the table of the universal file says");
            return Err(named(Error::macho(self.offset.saturating_add(4), expected, found.name())));
        }
        Ok(view)
    }
}

/// The slices of a universal file, or the one of a thin file, not looked into.
///
/// # Errors
/// As [`Universal::parse`].
pub fn members(data: &[u8]) -> Result<Vec<Member<'_>>> {
    if Universal::is_universal(data) {
        return Ok(Universal::parse(data)?.members().collect());
    }
    Ok(vec![Member { architecture: None, offset: 0, bytes: data }])
}

fn layout(data: &[u8]) -> Option<&'static FatEntryLayout> {
    match u32::from_be_bytes(*data.first_chunk()?) {
        FAT_MAGIC => Some(&FAT_ENTRY_32),
        FAT_MAGIC_64 => Some(&FAT_ENTRY_64),
        _ => None,
    }
}

fn read(data: &[u8], layout: &FatEntryLayout, index: u32) -> Option<UniversalEntry> {
    let entry_offset = layout.entry_size.checked_mul(index as usize)?.checked_add(fat_header::SIZE)?;
    let end = entry_offset.checked_add(layout.entry_size)?;
    let fields = Fields::new(data.get(entry_offset..end)?, ByteOrder::Big);
    Some(UniversalEntry {
        architecture: Architecture {
            cpu_type: fields.u32(fat_entry::CPU_TYPE),
            cpu_subtype: fields.u32(fat_entry::CPU_SUBTYPE),
        },
        offset: fields.word(layout.offset, layout.wide),
        size: fields.word(layout.size, layout.wide),
        alignment: fields.u32(layout.alignment),
        entry_offset,
    })
}

/// Checks `entry` against the file and the rows before it, at most 16 of them.
fn push(
    entries: &mut Vec<(UniversalEntry, Range<usize>)>,
    entry: UniversalEntry,
    data: &[u8],
    layout: &FatEntryLayout,
    count: u32,
) -> Result<()> {
    let error = |expected: String, found: String| {
        Err(Error::macho(entry.entry_offset, expected, found).at_key(format!("slices[{}]", entry.architecture)))
    };
    let found = || format!("{} bytes at {:#x}", entry.size, entry.offset);
    let Some(range) = range(entry).filter(|range| range.end <= data.len()) else {
        return error(format!("a slice inside the {} bytes of the file", data.len()), found());
    };
    let table_end = layout.entry_size.saturating_mul(count as usize).saturating_add(fat_header::SIZE);
    if range.start < table_end {
        return error(format!("a slice behind the {table_end} bytes of the table"), found());
    }
    for (other, other_range) in entries.iter() {
        if other.architecture == entry.architecture {
            return error("one slice for each architecture".to_owned(), "a second one".to_owned());
        }
        if other_range.start < range.end && range.start < other_range.end {
            let (name, start, end) = (other.architecture, other_range.start, other_range.end);
            return error(format!("a slice outside that of {name}, {start:#x} to {end:#x}"), found());
        }
    }
    entries.push((entry, range));
    Ok(())
}

fn range(entry: UniversalEntry) -> Option<Range<usize>> {
    let start = usize::try_from(entry.offset).ok()?;
    let end = start.checked_add(usize::try_from(entry.size).ok()?)?;
    Some(start..end)
}
