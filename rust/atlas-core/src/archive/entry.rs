//! One entry of an archive, as its users see it.

use super::attributes::Attributes;
use super::digest::Checksum;
use super::field::{Field, FieldValue, Key};
use super::reader::Archive;
use super::record::{Blob, Record};
use crate::bytes::Bytes;
use crate::error::Result;

/// One record of an [`Archive`]. Copying it copies no data.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    archive: &'a Archive,
    index: usize,
    record: Record<'a>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(archive: &'a Archive, index: usize, record: Record<'a>) -> Self {
        Self { archive, index, record }
    }

    pub(super) fn archive(&self) -> &'a Archive {
        self.archive
    }

    pub(super) fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// Its place among [`Archive::entries`].
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The bytes of its path (`PAT`), as they stand: not normalised, not always UTF-8. Empty for the root.
    #[must_use]
    pub fn path(&self) -> Option<&'a [u8]> {
        self.record.path
    }

    /// Its path for a message; where it has none, its number.
    #[must_use]
    pub fn path_text(&self) -> String {
        match self.record.path {
            Some(path) => String::from_utf8_lossy(path).into_owned(),
            None => format!("entry {}", self.index),
        }
    }

    /// Its type (`TYP`) as an ASCII letter: `F` file, `D` directory, `L` link, `M` metadata and others.
    #[must_use]
    pub fn kind(&self) -> Option<u8> {
        self.record.kind
    }

    /// Bytes of data (`DAT`); 0 where there is no such field.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.record.data.map_or(0, |data| data.size as u64)
    }

    /// What a symbolic link points to (`LNK`), as it stands.
    #[must_use]
    pub fn link_target(&self) -> Option<&'a [u8]> {
        self.record.link
    }

    /// Every field in the order of the file, repeated ones too.
    pub fn fields(&self) -> impl Iterator<Item = (Key, FieldValue<'a>)> + use<'a> {
        self.raw_fields().map(|field| (field.key, field.value))
    }

    /// Every field with its subtype and its place.
    pub fn raw_fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let mut fields = self.record.fields(self.archive.stream());
        std::iter::from_fn(move || fields.read().ok().flatten())
    }

    /// The payload of a blob field of this entry, shared with the archive; `None` where that is no range of it.
    #[must_use]
    pub fn blob(&self, value: FieldValue<'_>) -> Option<Bytes> {
        let FieldValue::Blob { size, offset } = value else { return None };
        self.archive.decoded().slice(offset..offset.checked_add(usize::try_from(size).ok()?)?)
    }

    /// The data (`DAT`), shared with the archive; empty where there is none.
    #[must_use]
    pub fn data(&self) -> Bytes {
        let range = self.record.data.map_or(0..0, |data| data.offset..data.offset.saturating_add(data.size));
        self.archive.decoded().slice(range).unwrap_or_default()
    }

    /// Where the data begins in the record stream; the end of the header where there is none.
    #[must_use]
    pub fn data_offset(&self) -> usize {
        self.record.data.map_or(self.record.header_end, |data| data.offset)
    }

    /// Where the record begins in the record stream.
    #[must_use]
    pub fn header_offset(&self) -> usize {
        self.record.start
    }

    /// Bytes of header, magic and size field included.
    #[must_use]
    pub fn header_size(&self) -> usize {
        self.record.header_end.saturating_sub(self.record.start)
    }

    /// Where the record ends in the record stream, all payloads included.
    #[must_use]
    pub fn end_offset(&self) -> usize {
        self.record.end
    }

    /// The four bytes that the record begins with, `AA01` or `YAA1`.
    #[must_use]
    pub fn magic(&self) -> [u8; 4] {
        self.record.magic
    }

    /// Whether its checksums are right: `Bad` if one of its own (`CKS`, `SH1` to `SH5`) or the CRC-32C span that it
    /// lies in is wrong, `Ok` if any was there and none is wrong.
    ///
    /// Computed when first asked for, once.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        self.archive.entry_checksum(self)
    }

    /// Its extended attributes (`XAT`), none where it has no such field.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Archive`] where the attributes are malformed; the rest of the archive is not affected.
    pub fn extended_attributes(&self) -> Result<Attributes<'a>> {
        self.record.attributes.map_or_else(|| Ok(Attributes::default()), |blob| self.checked_attributes(blob))
    }

    /// The extended attributes in one payload of this entry.
    pub(super) fn attributes_in(&self, value: FieldValue<'_>) -> Result<Attributes<'a>> {
        let FieldValue::Blob { size, offset } = value else { return Ok(Attributes::default()) };
        usize::try_from(size)
            .map_or_else(|_| Ok(Attributes::default()), |size| self.checked_attributes(Blob { offset, size }))
    }

    fn checked_attributes(&self, blob: Blob) -> Result<Attributes<'a>> {
        Attributes::checked(self.archive.stream(), blob).map_err(|error| error.in_entry(&self.path_text()))
    }
}
