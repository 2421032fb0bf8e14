//! Rows of the tables behind the header, and where those tables are.

use uuid::Uuid;

use crate::address::PreferredAddress;
use crate::error::{Error, Result};
use crate::macho::{ByteOrder, Fields};

use super::header::{Header, Table};
use super::raw::{image, image_text, subcache};

/// dyld accepts 127.
const MOST_SUBCACHES: u64 = 1024;

/// One image of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    /// Where its header lies.
    pub address: PreferredAddress,
    /// When its file was changed last, in seconds; 0 where the cache does not expect it on disk.
    pub modification_time: u64,
    /// Of its file.
    pub inode: u64,
    /// Where its path stands in the main file.
    pub path_offset: u32,
}

impl ImageInfo {
    pub(super) const SIZE: usize = image::SIZE;

    pub(super) fn read(fields: Fields<'_>) -> Self {
        Self {
            address: PreferredAddress(fields.u64(image::ADDRESS)),
            modification_time: fields.u64(image::MODIFICATION_TIME),
            inode: fields.u64(image::INODE),
            path_offset: fields.u32(image::PATH_OFFSET),
        }
    }
}

/// UUID and text of one image; rows stand in the order of [`ImageInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextInfo {
    /// Its `LC_UUID`.
    pub uuid: Uuid,
    /// Where its header lies.
    pub address: PreferredAddress,
    /// Bytes of its `__TEXT`.
    pub text_size: u32,
    /// Where its path stands in the main file.
    pub path_offset: u32,
}

impl TextInfo {
    pub(super) const SIZE: usize = image_text::SIZE;

    pub(super) fn read(fields: Fields<'_>) -> Self {
        Self {
            uuid: Uuid::from_bytes(fields.array(image_text::UUID)),
            address: PreferredAddress(fields.u64(image_text::ADDRESS)),
            text_size: fields.u32(image_text::TEXT_SIZE),
            path_offset: fields.u32(image_text::PATH_OFFSET),
        }
    }
}

/// What the main file says of another file of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubCacheEntry {
    /// The UUID in that file's header.
    pub uuid: Uuid,
    /// Bytes from the base of the cache to the base of that file.
    pub vm_offset: u64,
    /// What its name has more than the main file's: `.01`, `.02.dylddata`, and on macOS 12 `.1`. As it stands in the
    /// header, so it can be anything.
    pub suffix: String,
}

/// The bytes of a table whose rows take `size` bytes each.
///
/// # Errors
/// Where the table leaves the file.
pub(super) fn rows<'a>(bytes: &'a [u8], table: Table, size: usize, what: &'static str) -> Result<&'a [u8]> {
    let range = || {
        let start = usize::try_from(table.offset).ok()?;
        let length = usize::try_from(table.count).ok()?.checked_mul(size)?;
        bytes.get(start..start.checked_add(length)?)
    };
    range().ok_or_else(|| {
        let expected = format!("{} rows of {size} bytes in the file", table.count);
        let found = format!("a table that begins at {:#x} of {:#x} bytes", table.offset, bytes.len());
        Error::cache(expected, found).at_key(what)
    })
}

/// The rows that follow the header in a table that need not be there.
pub(super) fn optional_rows<'a>(
    bytes: &'a [u8],
    table: Option<Table>,
    size: usize,
    what: &'static str,
) -> Result<&'a [u8]> {
    table.filter(|table| table.count != 0).map_or(Ok(&[]), |table| rows(bytes, table, size, what))
}

/// The other files of the cache.
pub(super) fn subcaches(bytes: &[u8], order: ByteOrder, header: &Header) -> Result<Vec<SubCacheEntry>> {
    let what = "subcaches";
    let count = header.subcaches.map_or(0, |table| table.count);
    if count > MOST_SUBCACHES {
        return Err(Error::cache(format!("at most {MOST_SUBCACHES} {what}"), count.to_string()).at_key(what));
    }
    let named = header.has_suffixes();
    let size = if named { subcache::SIZE } else { subcache::SIZE_V1 };
    let rows = optional_rows(bytes, header.subcaches, size, what)?;
    Ok(rows
        .chunks_exact(size)
        .enumerate()
        .map(|(index, row)| {
            let fields = Fields::new(row, order);
            SubCacheEntry {
                uuid: Uuid::from_bytes(fields.array(subcache::UUID)),
                vm_offset: fields.u64(subcache::VM_OFFSET),
                suffix: if named {
                    let suffix: [u8; subcache::SUFFIX_SIZE] = fields.array(subcache::SUFFIX);
                    // A suffix that fills its field has no NUL.
                    let length = suffix.iter().position(|byte| *byte == 0).unwrap_or(suffix.len());
                    String::from_utf8_lossy(suffix.get(..length).unwrap_or_default()).into_owned()
                } else {
                    format!(".{}", index.saturating_add(1))
                },
            }
        })
        .collect())
}
