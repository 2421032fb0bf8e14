//! One record: its header's bounds and what the reader asks of it.

use super::field::{FieldValue, Fields, Key};
use crate::bytes::Cursor;
use crate::error::{Error, Result};

/// Magic and header size.
pub(super) const FIXED: usize = 6;
/// What current writers begin each record with.
pub(super) const AA01: [u8; 4] = *b"AA01";
/// What the first writers did; nothing else differs. One stream may hold both.
pub(super) const YAA1: [u8; 4] = *b"YAA1";

/// Where a blob lies in the record stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) offset: usize,
    pub(super) size: usize,
}

/// A record read once from front to back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) start: usize,
    pub(super) header_end: usize,
    pub(super) end: usize,
    pub(super) magic: [u8; 4],
    pub(super) kind: Option<u8>,
    pub(super) path: Option<&'a [u8]>,
    pub(super) link: Option<&'a [u8]>,
    pub(super) data: Option<Blob>,
    pub(super) attributes: Option<Blob>,
    /// Whether any field could be a checksum of the data.
    pub(super) digests: bool,
}

impl<'a> Record<'a> {
    /// Reads and checks the record at `start`. Its end is behind its start, and neither it nor a payload leaves the
    /// stream.
    pub(super) fn read(stream: &'a [u8], start: usize) -> Result<Self> {
        let mut cursor = Cursor::at(stream, start);
        let magic = match cursor.array::<4>() {
            Some(magic @ (AA01 | YAA1)) => magic,
            _ => return Err(no_record(stream, start)),
        };
        let left = stream.len().saturating_sub(start);
        let Some(size) = cursor.u16_le().map(usize::from) else {
            return Err(Error::archive(start, "a record header of 6 bytes or more", format!("{left} bytes")));
        };
        if size < FIXED {
            return Err(Error::archive(
                cursor.position().saturating_sub(2),
                "a header size of 6 or more",
                size.to_string(),
            ));
        }
        if size > left {
            return Err(Error::archive(start, format!("a record header of {size} bytes"), format!("{left} bytes")));
        }
        // Within the stream, hence within usize.
        let header_end = start.saturating_add(size);
        let mut record = Self { start, header_end, magic, ..Self::default() };
        let mut fields = Fields::new(stream, cursor.position(), header_end);
        while let Some(field) = fields.read()? {
            record.note(field.key, field.value);
        }
        record.end = fields.payload_end();
        Ok(record)
    }

    /// Its fields again. They were read when the record was; should the bytes have changed since (a mapped file can),
    /// the walk ends where they are no longer right.
    pub(super) fn fields(&self, stream: &'a [u8]) -> Fields<'a> {
        Fields::new(stream, self.start.saturating_add(FIXED), self.header_end)
    }

    #[inline]
    fn note(&mut self, key: Key, value: FieldValue<'a>) {
        match (key, value) {
            (Key::TYP, FieldValue::Unsigned(kind)) => self.kind = self.kind.or(u8::try_from(kind).ok()),
            (Key::PAT, FieldValue::Text(path)) => self.path = self.path.or(Some(path)),
            (Key::LNK, FieldValue::Text(link)) => self.link = self.link.or(Some(link)),
            (Key::DAT, FieldValue::Blob { size, offset }) => self.data = self.data.or_else(|| blob(size, offset)),
            (Key::XAT, FieldValue::Blob { size, offset }) => {
                self.attributes = self.attributes.or_else(|| blob(size, offset))
            }
            (Key::CKS | Key::SH1 | Key::SH2 | Key::SH3 | Key::SH5, FieldValue::Digest(_)) => self.digests = true,
            _ => {}
        }
    }
}

fn blob(size: u64, offset: usize) -> Option<Blob> {
    usize::try_from(size).ok().map(|size| Blob { offset, size })
}

/// Says what stands where a record should begin.
#[cold]
fn no_record(stream: &[u8], start: usize) -> Error {
    let rest = stream.get(start..).unwrap_or_default();
    let expected = if start == 0 {
        "an Apple Archive (AA01 or YAA1)"
    } else {
        "a record (AA01 or YAA1) or the end of the archive"
    };
    let error = |found: String| Error::archive(start, expected, found);
    match rest {
        [] => error("no bytes".to_owned()),
        [b'A', b'E', b'A', b'1', ..] => error("an encrypted or signed archive (AEA1)".to_owned())
            .with_hint("decrypt it first, on a Mac with `aea decrypt`"),
        [b'0', b'7', b'0', b'7', ..] => error("a cpio archive (0707)".to_owned()),
        [b'p', b'b', b'z', ..] => {
            error("a pbz container, which stands only around a whole archive and only once".to_owned())
        }
        [b'b', b'p', b'l', b'i', ..] => error("a binary property list".to_owned()),
        _ => error(format!("\"{}\"", rest.get(..4).unwrap_or(rest).escape_ascii())),
    }
}
