//! CRC-32C stamps, which dyld 1376 and later put on what they write, and the spans that they protect.
//!
//! A stamp is the extended attribute [`STAMP_NAME`] with eight bytes of value: u32 length of the span, u32 CRC-32C of
//! the span without those last four bytes, both little-endian. It is the last thing in its record, so the span ends
//! where the record ends. The span begins where the one before ended: it takes in records without a stamp of their own.

use std::ops::Range;

use super::attributes::Walk;
use super::digest::Checksum;
use super::field::{FieldValue, Key};
use super::record::{Blob, Record};
use crate::error::Error;

/// The extended attribute that holds a stamp.
pub const STAMP_NAME: &[u8] = b"com.apple.dyld.crc32c";
/// Bytes of its value.
pub(super) const STAMP_VALUE: usize = 8;

/// What a stamp turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Length and checksum fit.
    Right,
    /// The length is not the distance from the end of the span before.
    WrongLength {
        /// What the stamp says, in bytes.
        stored: u32,
    },
    /// The checksum does not fit the bytes.
    WrongSum {
        /// What the stamp says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// It is not eight bytes at the very end of its record, or the attributes around it are damaged.
    Malformed,
}

/// The records that one stamp protects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte of the first record.
    pub start: usize,
    /// End of the stamped record.
    pub end: usize,
    /// The entries; the last carries the stamp.
    pub entries: Range<usize>,
    /// What the stamp turned out to be.
    pub verdict: Verdict,
    /// Where the stamp's value stands, or the attribute that is damaged.
    pub stamp_offset: usize,
}

impl Span {
    /// `Ok` or `Bad`.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        if self.verdict == Verdict::Right { Checksum::Ok } else { Checksum::Bad }
    }

    /// What is wrong with it, if anything.
    pub(super) fn error(&self) -> Option<Error> {
        let size = self.end.saturating_sub(self.start);
        let (expected, found) = match self.verdict {
            Verdict::Right => return None,
            Verdict::WrongLength { stored } => {
                (format!("a CRC-32C stamp over {size} bytes"), format!("one over {stored} bytes"))
            }
            Verdict::WrongSum { stored, computed } => {
                (format!("CRC-32C {stored:#010x} as the stamp says"), format!("{computed:#010x} over {size} bytes"))
            }
            Verdict::Malformed => {
                ("a CRC-32C stamp of 8 bytes at the end of its record".to_owned(), "a malformed one".to_owned())
            }
        };
        Some(Error::archive(self.stamp_offset, expected, found))
    }
}

/// Collects spans while the records pass by, front to back.
#[derive(Debug, Default)]
pub(super) struct Spans {
    done: Vec<Span>,
    first_entry: usize,
    start: usize,
}

impl Spans {
    /// Takes the next record; every byte is summed at most once.
    pub(super) fn pass(&mut self, stream: &[u8], index: usize, record: &Record<'_>) {
        if record.attributes.is_none() {
            return;
        }
        let Some(stamp) = find(stream, record) else { return };
        let verdict = stamp.value.map_or(Verdict::Malformed, |value| judge(stream, self.start..record.end, value));
        let entries = self.first_entry..index.saturating_add(1);
        self.first_entry = entries.end;
        self.done.push(Span { start: self.start, end: record.end, entries, verdict, stamp_offset: stamp.offset });
        self.start = record.end;
    }

    pub(super) fn into_vec(self) -> Vec<Span> {
        self.done
    }
}

struct Found {
    offset: usize,
    /// `None` where it is malformed.
    value: Option<[u8; STAMP_VALUE]>,
}

/// The stamp of a record, well formed or not.
fn find(stream: &[u8], record: &Record<'_>) -> Option<Found> {
    let mut fields = record.fields(stream);
    while let Ok(Some(field)) = fields.read() {
        let (Key::XAT, FieldValue::Blob { size, offset }) = (field.key, field.value) else { continue };
        let mut walk = Walk::new(stream, Blob { offset, size: usize::try_from(size).ok()? });
        loop {
            let here = walk.position();
            match walk.read() {
                Ok(None) => break,
                Ok(Some(attribute)) if attribute.name == STAMP_NAME => {
                    let last = attribute.value_offset.checked_add(attribute.value.len()) == Some(record.end);
                    let value = attribute.value.try_into().ok().filter(|_| last);
                    return Some(Found { offset: attribute.value_offset, value });
                }
                Ok(Some(_)) => {}
                // A bit flipped in a size must not turn a stamped record into one that never had a stamp.
                Err(_) => {
                    let end = offset.checked_add(usize::try_from(size).ok()?)?;
                    let rest = stream.get(here..end)?;
                    if rest.windows(STAMP_NAME.len()).any(|window| window == STAMP_NAME) {
                        return Some(Found { offset: here, value: None });
                    }
                    break;
                }
            }
        }
    }
    None
}

fn judge(stream: &[u8], span: Range<usize>, value: [u8; STAMP_VALUE]) -> Verdict {
    let [a, b, c, d, e, f, g, h] = value;
    let (length, stored) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    if u64::from(length) != span.len() as u64 {
        return Verdict::WrongLength { stored: length };
    }
    let computed = crc32c::crc32c(stream.get(span.start..span.end.saturating_sub(4)).unwrap_or_default());
    if computed == stored { Verdict::Right } else { Verdict::WrongSum { stored, computed } }
}
