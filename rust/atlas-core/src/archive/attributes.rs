//! Extended attributes: the payload of `XAT`.

use super::record::Blob;
use crate::bytes::Cursor;
use crate::error::{Error, Result};

/// One extended attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name, without the terminating NUL.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// Where its value begins, from the start of the record stream.
    pub value_offset: usize,
}

/// The extended attributes of one entry, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Attributes<'a>(Walk<'a>);

impl<'a> Attributes<'a> {
    /// Checks the whole blob, so that iterating cannot fail.
    pub(super) fn checked(stream: &'a [u8], blob: Blob) -> Result<Self> {
        let mut walk = Walk::new(stream, blob);
        while walk.read()?.is_some() {}
        Ok(Self(Walk::new(stream, blob)))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        self.0.read().ok().flatten()
    }
}

/// A checked walk: u32 size that counts itself, name, NUL, value to the end of the size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    cursor: Cursor<'a>,
}

impl Default for Walk<'_> {
    fn default() -> Self {
        Self { cursor: Cursor::new(&[]) }
    }
}

/// Bytes of the size field of an attribute.
pub(super) const SIZE_FIELD: usize = 4;

impl<'a> Walk<'a> {
    pub(super) fn new(stream: &'a [u8], blob: Blob) -> Self {
        // The cursor runs over the stream up to the blob's end, so that its positions are offsets into the stream.
        let upto = blob.offset.checked_add(blob.size).and_then(|end| stream.get(..end)).unwrap_or_default();
        Self { cursor: Cursor::at(upto, blob.offset) }
    }

    /// Where the next attribute begins.
    pub(super) fn position(&self) -> usize {
        self.cursor.position()
    }

    pub(super) fn read(&mut self) -> Result<Option<Attribute<'a>>> {
        let start = self.cursor.position();
        let left = self.cursor.remaining();
        if left == 0 {
            return Ok(None);
        }
        let size = self.cursor.u32_le().and_then(|size| usize::try_from(size).ok());
        let body = size.and_then(|size| size.checked_sub(SIZE_FIELD)).and_then(|size| self.cursor.take(size));
        let Some(body) = body else {
            let found = size.map_or_else(|| format!("{left} bytes"), |size| format!("a size of {size}"));
            return Err(Error::archive(start, format!("an extended attribute of 5 to {left} bytes"), found));
        };
        let Some(name_size) = body.iter().position(|&byte| byte == 0) else {
            return Err(Error::archive(start, "an extended attribute's name ending in NUL", "no NUL"));
        };
        let (name, rest) = body.split_at_checked(name_size).unwrap_or_default();
        let value = rest.get(1..).unwrap_or_default();
        Ok(Some(Attribute { name, value, value_offset: self.cursor.position().saturating_sub(value.len()) }))
    }
}
