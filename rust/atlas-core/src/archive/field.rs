//! One field of a record's header: three bytes of key, one of subtype, the value.

use std::fmt;

use crate::bytes::Cursor;
use crate::error::{Error, Result};

/// The three bytes that say what a field means. Apple uses ASCII; any bytes survive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 3]);

impl Key {
    /// Entry type, one ASCII character.
    pub const TYP: Self = Self(*b"TYP");
    /// Path, relative to the root of the archive.
    pub const PAT: Self = Self(*b"PAT");
    /// Target of a symbolic link.
    pub const LNK: Self = Self(*b"LNK");
    /// Data of a file.
    pub const DAT: Self = Self(*b"DAT");
    /// Extended attributes.
    pub const XAT: Self = Self(*b"XAT");
    /// POSIX `cksum` of the data.
    pub const CKS: Self = Self(*b"CKS");
    /// SHA-1 of the data.
    pub const SH1: Self = Self(*b"SH1");
    /// SHA-256 of the data.
    pub const SH2: Self = Self(*b"SH2");
    /// SHA-384 of the data.
    pub const SH3: Self = Self(*b"SH3");
    /// SHA-512 of the data.
    pub const SH5: Self = Self(*b"SH5");
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// What a field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// Presence is all.
    Flag,
    /// A number, whatever its width in the file.
    Unsigned(u64),
    /// Text, UTF-8 in practice, without terminator.
    Text(&'a [u8]),
    /// 4, 20, 32, 48 or 64 bytes of checksum.
    Digest(&'a [u8]),
    /// A moment.
    Time {
        /// Seconds since 1970, negative before.
        seconds: i64,
        /// Nanoseconds as they stand in the file; writers keep them below 10^9. 0 where the file has whole seconds.
        nanoseconds: u32,
    },
    /// A payload that follows the header and lies wholly within the archive.
    Blob {
        /// Its size in bytes.
        size: u64,
        /// Where it begins, from the start of the record stream.
        offset: usize,
    },
}

/// A field and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// What it means.
    pub key: Key,
    /// How the value is stored: the byte after the key, as in `TYP1`.
    pub subtype: u8,
    /// Where its key stands, from the start of the record stream.
    pub offset: usize,
    /// What it says.
    pub value: FieldValue<'a>,
}

/// Walks the fields of one header and gives each blob its place after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    cursor: Cursor<'a>,
    stream_size: usize,
    payload: usize,
}

/// Bytes of key and subtype.
const TAG: usize = 4;

impl<'a> Fields<'a> {
    /// The fields in `stream[first..header_end]`; none where that is no range of the stream.
    pub(super) fn new(stream: &'a [u8], first: usize, header_end: usize) -> Self {
        let header = stream.get(..header_end).unwrap_or_default();
        Self { cursor: Cursor::at(header, first), stream_size: stream.len(), payload: header_end }
    }

    /// Where the next field begins.
    pub(super) fn position(&self) -> usize {
        self.cursor.position()
    }

    /// End of the payloads of all fields read so far.
    pub(super) fn payload_end(&self) -> usize {
        self.payload
    }

    /// The next field, `None` at the end of the header.
    #[inline]
    pub(super) fn read(&mut self) -> Result<Option<Field<'a>>> {
        let offset = self.cursor.position();
        let left = self.cursor.remaining();
        if left == 0 {
            return Ok(None);
        }
        let Some([a, b, c, subtype]) = self.cursor.array::<TAG>() else {
            return Err(Error::archive(offset, "a field's key and subtype", format!("{left} bytes of header")));
        };
        let value = match self.value(subtype)? {
            Some(value) => value,
            None => return Err(self.broken(offset, subtype)),
        };
        Ok(Some(Field { key: Key([a, b, c]), subtype, offset, value }))
    }

    #[inline]
    fn value(&mut self, subtype: u8) -> Result<Option<FieldValue<'a>>> {
        let cursor = &mut self.cursor;
        Ok(match subtype {
            b'*' => Some(FieldValue::Flag),
            b'1' => cursor.u8_le().map(|value| FieldValue::Unsigned(u64::from(value))),
            b'2' => cursor.u16_le().map(|value| FieldValue::Unsigned(u64::from(value))),
            b'4' => cursor.u32_le().map(|value| FieldValue::Unsigned(u64::from(value))),
            b'8' => cursor.u64_le().map(FieldValue::Unsigned),
            b'P' => cursor.u16_le().and_then(|size| cursor.take(usize::from(size))).map(FieldValue::Text),
            b'F' => cursor.take(4).map(FieldValue::Digest),
            b'G' => cursor.take(20).map(FieldValue::Digest),
            b'H' => cursor.take(32).map(FieldValue::Digest),
            b'I' => cursor.take(48).map(FieldValue::Digest),
            b'J' => cursor.take(64).map(FieldValue::Digest),
            b'S' => cursor.i64_le().map(|seconds| FieldValue::Time { seconds, nanoseconds: 0 }),
            b'T' => cursor
                .i64_le()
                .zip(cursor.u32_le())
                .map(|(seconds, nanoseconds)| FieldValue::Time { seconds, nanoseconds }),
            b'A' => cursor.u16_le().map(u64::from).map(|size| self.blob(size)).transpose()?,
            b'B' => cursor.u32_le().map(u64::from).map(|size| self.blob(size)).transpose()?,
            b'C' => cursor.u64_le().map(|size| self.blob(size)).transpose()?,
            _ => None,
        })
    }

    /// Gives a blob its place, if the stream has room for it: never past the end, so that no sum can wrap.
    #[inline]
    fn blob(&mut self, size: u64) -> Result<FieldValue<'a>> {
        let offset = self.payload;
        let left = self.stream_size.saturating_sub(offset);
        match usize::try_from(size) {
            Ok(bytes) if bytes <= left => self.payload = offset.saturating_add(bytes),
            _ => return Err(Error::archive(offset, format!("a payload of {size} bytes"), format!("{left} bytes"))),
        }
        Ok(FieldValue::Blob { size, offset })
    }

    #[cold]
    fn broken(&self, offset: usize, subtype: u8) -> Error {
        let subtype_offset = offset.saturating_add(TAG - 1);
        if b"*1248PFGHIJSTABC".contains(&subtype) {
            Error::archive(
                offset,
                "a whole field",
                format!("the end of the header within a field of type {}", subtype.escape_ascii()),
            )
        } else {
            Error::archive(
                subtype_offset,
                "a subtype of * 1 2 4 8 P F G H I J S T A B C",
                format!("{:#04x} ({})", subtype, subtype.escape_ascii()),
            )
        }
    }
}
