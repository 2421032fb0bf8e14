//! Writes binary property lists as dyld's encoder lays them out.

use std::num::NonZeroU32;

use super::encode::{put, put_count, put_counted, put_integer, put_references, put_utf16, put_width, smallest_width};
use super::unique::Unique;
use crate::error::{Error, Result};

/// Bytes of a string that [`Unique`] keeps whole.
const SHORT: usize = 7;

const HEADER: &[u8] = b"bplist00";

/// An object that a [`Writer`] has taken. Using it twice makes the readers see one shared object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reference(u32);

impl Reference {
    /// Objects are counted from 1 inside, so that no number is spent on "none".
    #[inline]
    const fn numbered(number: NonZeroU32) -> Self {
        Self(number.get() - 1)
    }
}

#[derive(Clone, Copy)]
enum Collection {
    Array,
    Dictionary,
}

/// Builds a property list from the leaves up, without a tree in memory.
///
/// Scalars are uniqued: an equal string, integer or data becomes the same object, be it key or value. Arrays and
/// dictionaries are not, as in dyld's encoder; a caller that wants one to be shared uses its reference twice. A
/// collection can only hold what was written before it, so what is written never contains itself.
///
/// ```
/// use atlas_core::bplist::Writer;
/// let mut writer = Writer::new();
/// let pair = (writer.text("prot"), writer.integer(5));
/// let top = writer.dictionary(&[pair]);
/// assert_eq!(writer.finish(top)?.len(), 53);
/// # Ok::<(), atlas_core::Error>(())
/// ```
pub struct Writer {
    /// The header and the scalars. Collections follow only when the width of a reference is known.
    bytes: Vec<u8>,
    /// Where each object begins; for a collection not yet known.
    offsets: Vec<u64>,
    unique: Unique,
    collections: Vec<(u32, Collection, usize)>,
    /// What the collections hold, one after the other; a dictionary's keys, then its values.
    references: Vec<u32>,
    most_objects: u32,
    error: Option<Error>,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A list without objects.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes: HEADER.to_vec(),
            offsets: Vec::new(),
            unique: Unique::new(),
            collections: Vec::new(),
            references: Vec::new(),
            most_objects: u32::MAX,
            error: None,
        }
    }

    #[cfg(test)]
    pub(super) fn with_most_objects(most_objects: u32) -> Self {
        Self { most_objects, ..Self::new() }
    }

    /// The null object, which plistlib reads as `None`.
    pub fn null(&mut self) -> Reference {
        self.scalar(|bytes| bytes.push(0x00))
    }

    /// True or false.
    pub fn boolean(&mut self, value: bool) -> Reference {
        self.scalar(|bytes| bytes.push(0x08 | u8::from(value)))
    }

    /// An integer in the fewest bytes that every reader takes alike: as in dyld's encoder the top bit of a positive
    /// one stays clear, so it does not matter whether a reader of 1, 2 and 4 bytes thinks of a sign. Negative ones
    /// take 8 bytes; what leaves signed 64 bits takes 16 (dyld never writes that, plistlib does).
    pub fn integer(&mut self, value: impl Into<i128>) -> Reference {
        let value = value.into();
        let Ok(small) = i64::try_from(value) else { return self.scalar(|bytes| put_integer(bytes, value)) };
        let Some(next) = self.next_number() else { return Reference(0) };
        match self.unique.integer(small, next) {
            Some(found) => Reference::numbered(found),
            None => self.add(next, |bytes| put_integer(bytes, value)),
        }
    }

    /// A floating-point number, in 8 bytes.
    pub fn real(&mut self, value: f64) -> Reference {
        self.scalar(|bytes| put(bytes, 0x23, &value.to_be_bytes()))
    }

    /// A moment, in seconds since the beginning of 2001 in UTC.
    pub fn date(&mut self, seconds: f64) -> Reference {
        self.scalar(|bytes| put(bytes, 0x33, &seconds.to_be_bytes()))
    }

    /// Bytes.
    pub fn data(&mut self, data: &[u8]) -> Reference {
        self.scalar(|bytes| put_counted(bytes, 0x40, data.len(), data))
    }

    /// Text: one byte per character where all are ASCII, else UTF-16.
    pub fn text(&mut self, text: &str) -> Reference {
        if text.is_ascii() {
            return self.marked_ascii(text.as_bytes());
        }
        self.scalar(|bytes| put_utf16(bytes, text.encode_utf16().count(), text.encode_utf16()))
    }

    /// Text from UTF-16 units, which may be lone surrogates. Where all are ASCII the object is the same as that of
    /// [`Writer::text`].
    pub fn utf16(&mut self, units: &[u16]) -> Reference {
        if units.iter().all(|unit| *unit < 0x80) {
            let ascii: Vec<u8> = units.iter().map(|unit| *unit as u8).collect();
            return self.marked_ascii(&ascii);
        }
        self.scalar(|bytes| put_utf16(bytes, units.len(), units.iter().copied()))
    }

    /// Bytes in an object that is marked as ASCII, whatever they are. dyld's encoder does this to text that is no
    /// UTF-8; this is for writing such an object again as it was read.
    pub fn marked_ascii(&mut self, text: &[u8]) -> Reference {
        if text.len() > SHORT {
            return self.scalar(|bytes| put_counted(bytes, 0x50, text.len(), text));
        }
        let Some(next) = self.next_number() else { return Reference(0) };
        match self.unique.short_text(text, next) {
            Some(found) => Reference::numbered(found),
            None => self.add(next, |bytes| put_counted(bytes, 0x50, text.len(), text)),
        }
    }

    /// A number as the key-value archiver refers to objects, in 1, 2, 4 or 8 bytes.
    pub fn uid(&mut self, value: u64) -> Reference {
        let width = smallest_width(value);
        self.scalar(|bytes| {
            bytes.push(0x80 | (width as u8 - 1));
            put_width(bytes, width, value);
        })
    }

    /// An array of objects written before.
    pub fn array(&mut self, items: &[Reference]) -> Reference {
        self.references.extend(items.iter().map(|item| item.0));
        self.collection(Collection::Array, items.len(), items.len())
    }

    /// A dictionary of keys and values written before, in this order. Keys should be text; one that repeats is
    /// written as often as it is given.
    pub fn dictionary(&mut self, pairs: &[(Reference, Reference)]) -> Reference {
        self.references.extend(pairs.iter().map(|(key, _)| key.0));
        self.references.extend(pairs.iter().map(|(_, value)| value.0));
        self.collection(Collection::Dictionary, pairs.len(), pairs.len().saturating_mul(2))
    }

    /// The property list whose outermost object is `top`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Plist`] where `top` or an item of a collection is no reference that this writer has given;
    /// [`crate::ErrorKind::Limit`] where an object was asked for although there were 2^32 - 1 already.
    pub fn finish(mut self, top: Reference) -> Result<Vec<u8>> {
        self.check_references(&[top.0]);
        if let Some(error) = self.error {
            return Err(error);
        }
        let Self { mut bytes, mut offsets, collections, references, .. } = self;
        let count = offsets.len();
        let reference_width = smallest_width(count as u64);
        // What a collection takes besides its references: at most a marker, a marker of the count, and the count.
        let most = collections.len() * 10 + references.len() * reference_width + count * 8 + 32;
        bytes.reserve(most);
        let mut rest = references.as_slice();
        for (object, kind, length) in collections {
            if let Some(offset) = offsets.get_mut(object as usize) {
                *offset = bytes.len() as u64;
            }
            let (marker, signed, held) = match kind {
                Collection::Array => (0xA0, false, length),
                Collection::Dictionary => (0xD0, true, length * 2),
            };
            put_count(&mut bytes, marker, length, signed);
            let (these, others) = rest.split_at_checked(held).unwrap_or((rest, &[]));
            put_references(&mut bytes, reference_width, these);
            rest = others;
        }
        let table = bytes.len() as u64;
        let offset_width = smallest_width(table);
        for offset in &offsets {
            put_width(&mut bytes, offset_width, *offset);
        }
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, offset_width as u8, reference_width as u8]);
        for number in [count as u64, u64::from(top.0), table] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        Ok(bytes)
    }

    /// Writes an object behind the others and takes it back where it stands there already. Two scalars are the same
    /// exactly when their bytes are: every value has one form, and no form is the beginning of another.
    #[inline]
    fn scalar(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Reference {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let Some(next) = self.next_number() else { return Reference(0) };
        let (before, object) = self.bytes.split_at_checked(start).unwrap_or_default();
        let offsets = &self.offsets;
        let same = |other: NonZeroU32| {
            let offset = offsets.get(other.get() as usize - 1).map_or(start, |offset| *offset as usize);
            before.get(offset..).is_some_and(|found| found.starts_with(object))
        };
        if let Some(found) = self.unique.other(object, next, same) {
            self.bytes.truncate(start);
            return Reference::numbered(found);
        }
        self.offsets.push(start as u64);
        Reference::numbered(next)
    }

    /// Writes an object that is new.
    fn add(&mut self, number: NonZeroU32, write: impl FnOnce(&mut Vec<u8>)) -> Reference {
        self.offsets.push(self.bytes.len() as u64);
        write(&mut self.bytes);
        Reference::numbered(number)
    }

    fn collection(&mut self, kind: Collection, length: usize, held: usize) -> Reference {
        let start = self.references.len().saturating_sub(held);
        let Some(next) = self.next_number() else { return Reference(0) };
        let largest = self.references.get(start..).and_then(|these| these.iter().max().copied());
        if let Some(largest) = largest {
            self.check_references(&[largest]);
        }
        let reference = Reference::numbered(next);
        self.collections.push((reference.0, kind, length));
        self.offsets.push(0);
        reference
    }

    /// The number of the next object, counted from 1, so that it never is 0 and the last one fits too.
    #[inline]
    fn next_number(&mut self) -> Option<NonZeroU32> {
        let number = u32::try_from(self.offsets.len()).ok().filter(|count| *count < self.most_objects);
        if number.is_none() {
            let asked = self.offsets.len() as u64 + 1;
            let limit = u64::from(self.most_objects);
            self.error.get_or_insert_with(|| Error::limit("objects of a property list", limit, asked));
        }
        number.and_then(|number| NonZeroU32::MIN.checked_add(number))
    }

    fn check_references(&mut self, references: &[u32]) {
        let count = self.offsets.len();
        for reference in references.iter().filter(|reference| **reference as usize >= count) {
            let offset = self.bytes.len();
            self.error.get_or_insert_with(|| {
                let expected = format!("a reference to one of the {count} objects written before");
                Error::plist(offset, expected, format!("a reference to object {reference}"))
            });
        }
    }
}
