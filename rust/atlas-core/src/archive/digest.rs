//! Checksums of one entry's data: `CKS` and `SH1` to `SH5`.

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::cksum::cksum;
use super::field::{FieldValue, Key};
use super::record::Record;
use crate::error::{Error, Result};

/// What checksums say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// There is none.
    None,
    /// There is one, and all that are there are right.
    Ok,
    /// One is wrong.
    Bad,
}

impl Checksum {
    /// Two findings as one: bad wins, then ok.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Bad, _) | (_, Self::Bad) => Self::Bad,
            (Self::Ok, _) | (_, Self::Ok) => Self::Ok,
            (Self::None, Self::None) => Self::None,
        }
    }

    /// `None` where there is no checksum, else whether all are right.
    #[must_use]
    pub fn ok(self) -> Option<bool> {
        match self {
            Self::None => None,
            Self::Ok => Some(true),
            Self::Bad => Some(false),
        }
    }
}

/// Each kind of digest is computed at most once per record, however often a header repeats its field.
#[derive(Default)]
struct Sums {
    cks: Option<[u8; 4]>,
    sh1: Option<[u8; 20]>,
    sh2: Option<[u8; 32]>,
    sh3: Option<[u8; 48]>,
    sh5: Option<[u8; 64]>,
}

impl Sums {
    /// The digest that a field of this key and size should hold; `None` where the field is no checksum.
    fn of(&mut self, key: Key, size: usize, data: &[u8]) -> Option<&[u8]> {
        let sum: &[u8] = match key {
            Key::CKS => self.cks.get_or_insert_with(|| cksum(data).to_le_bytes()),
            Key::SH1 => self.sh1.get_or_insert_with(|| Sha1::digest(data).into()),
            Key::SH2 => self.sh2.get_or_insert_with(|| Sha256::digest(data).into()),
            Key::SH3 => self.sh3.get_or_insert_with(|| Sha384::digest(data).into()),
            Key::SH5 => self.sh5.get_or_insert_with(|| Sha512::digest(data).into()),
            _ => return None,
        };
        (sum.len() == size).then_some(sum)
    }
}

/// Whether the record's own checksums fit its data; the first that does not, as an error.
pub(super) fn check(stream: &[u8], record: &Record<'_>) -> Result<Checksum> {
    let Some(blob) = record.data.filter(|_| record.digests) else { return Ok(Checksum::None) };
    let data = stream.get(blob.offset..blob.offset.saturating_add(blob.size)).unwrap_or_default();
    let (mut sums, mut state) = (Sums::default(), Checksum::None);
    let mut fields = record.fields(stream);
    while let Ok(Some(field)) = fields.read() {
        let FieldValue::Digest(stored) = field.value else { continue };
        match sums.of(field.key, stored.len(), data) {
            None => {}
            Some(computed) if computed == stored => state = Checksum::Ok,
            Some(computed) => return Err(mismatch(field.key, field.offset, stored, computed)),
        }
    }
    Ok(state)
}

#[cold]
fn mismatch(key: Key, offset: usize, stored: &[u8], computed: &[u8]) -> Error {
    let reversed = key == Key::CKS && stored.iter().rev().eq(computed);
    let note = if reversed { " (the same in the other byte order)" } else { "" };
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Error::archive(
        offset.saturating_add(4),
        format!("{key} {} as the header says", hexadecimal(stored)),
        format!("{} over the data{note}", hexadecimal(computed)),
    )
}
