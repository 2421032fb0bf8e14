//! The frame of a property list: trailer, offset table, and positions of objects.

use crate::bytes::Bytes;
use crate::error::{Error, Result};

use super::object::Object;

/// Bytes before the object area.
pub(super) const HEADER: usize = 8;
/// Bytes after the offset table.
const TRAILER: usize = 32;

/// What the trailer says, checked against the length of the data.
#[derive(Clone, Copy, Debug)]
struct Frame {
    offset_width: usize,
    reference_width: usize,
    count: u32,
    top: u32,
    table: usize,
}

/// A property list whose frame is checked. Its objects are checked as they are read.
#[derive(Clone, Debug)]
pub struct Plist {
    bytes: Bytes,
    frame: Frame,
}

impl Plist {
    /// Checks header and trailer.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Plist`] with the offset of what does not fit.
    pub fn parse(bytes: Bytes) -> Result<Self> {
        let frame = Frame::parse(&bytes)?;
        Ok(Self { bytes, frame })
    }

    /// The whole list.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes of `payload`, a part of this list that one of its objects gave, kept alive on their own.
    #[must_use]
    pub fn part(&self, payload: &[u8]) -> Bytes {
        // Found by its place rather than by a pointer's difference taken blindly: a payload from elsewhere is copied.
        let start = (payload.as_ptr() as usize).wrapping_sub(self.bytes.as_ptr() as usize);
        let inside = start.checked_add(payload.len()).is_some_and(|end| end <= self.bytes.len());
        let part = if inside { self.bytes.slice(start..start + payload.len()) } else { None };
        part.unwrap_or_else(|| payload.to_vec().into())
    }

    /// The view through which objects are read; making one costs nothing.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View { data: &self.bytes, frame: self.frame }
    }
}

impl Frame {
    fn parse(data: &[u8]) -> Result<Self> {
        if data.get(..6) != Some(b"bplist") {
            let found: String = data.iter().take(8).map(|byte| byte.escape_ascii().to_string()).collect();
            return Err(Error::plist(0, "the header bplist00", format!("{found:?}")));
        }
        let Some(trailer_at) = data.len().checked_sub(TRAILER).filter(|&at| at >= HEADER) else {
            return Err(Error::plist(0, "a header and a trailer, 40 bytes together", format!("{} bytes", data.len())));
        };
        if u32::try_from(data.len()).is_err() {
            return Err(Error::plist(0, "less than 4 GiB", format!("{} bytes", data.len())));
        }
        let width = |at: usize, what: &str| match data.get(at) {
            Some(&width @ 1..=8) => Ok(usize::from(width)),
            found => Err(Error::plist(
                at,
                format!("{what} of 1 to 8 bytes"),
                found.map_or_else(String::new, ToString::to_string),
            )),
        };
        let offset_width = width(trailer_at + 6, "object offsets")?;
        let reference_width = width(trailer_at + 7, "object references")?;
        let word = |at: usize| load(data, at, 8).unwrap_or(u64::MAX);
        let (count, top, table) = (word(trailer_at + 8), word(trailer_at + 16), word(trailer_at + 24));

        // Everything below is compared with the length of the data before it is used, so nothing can wrap.
        let Some(table) = usize::try_from(table).ok().filter(|at| (HEADER..trailer_at).contains(at)) else {
            let expected = format!("an offset table between {HEADER} and {trailer_at}");
            return Err(Error::plist(trailer_at + 24, expected, table.to_string()));
        };
        let room = (trailer_at - table) / offset_width;
        let Some(count) = u32::try_from(count).ok().filter(|&count| count >= 1 && count as usize <= room) else {
            let expected = format!("1 to {room} objects, as many as the offset table has room for");
            return Err(Error::plist(trailer_at + 8, expected, count.to_string()));
        };
        let Some(top) = u32::try_from(top).ok().filter(|&top| top < count) else {
            return Err(Error::plist(trailer_at + 16, format!("a top object below {count}"), top.to_string()));
        };
        Ok(Self { offset_width, reference_width, count, top, table })
    }
}

/// Reads objects of a property list. Copied freely: it is two words and the frame.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    data: &'a [u8],
    frame: Frame,
}

impl<'a> View<'a> {
    /// The whole list.
    #[must_use]
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The reference of the root object.
    #[must_use]
    pub const fn top(&self) -> u32 {
        self.frame.top
    }

    /// How many objects there are; references are below it.
    #[must_use]
    pub const fn object_count(&self) -> u32 {
        self.frame.count
    }

    /// Bytes per entry of the offset table.
    #[must_use]
    pub const fn offset_width(&self) -> usize {
        self.frame.offset_width
    }

    /// Bytes per reference in a collection.
    #[must_use]
    pub const fn reference_width(&self) -> usize {
        self.frame.reference_width
    }

    /// Where the object area ends and the offset table begins.
    #[must_use]
    pub const fn area_end(&self) -> usize {
        self.frame.table
    }

    /// The position of object `reference`: inside the object area.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Plist`] for a reference or an offset that is out of range.
    #[inline]
    pub fn position(&self, reference: u32) -> Result<usize> {
        self.position_of_width(reference.into(), self.frame.offset_width)
    }

    /// As [`Self::position`], for a caller who knows the width of offsets at compile time.
    ///
    /// # Errors
    /// As [`Self::position`].
    #[inline(always)]
    pub(crate) fn position_of_width(&self, reference: u64, offset_width: usize) -> Result<usize> {
        if reference >= u64::from(self.frame.count) {
            return Err(self.bad_reference(reference));
        }
        // In range: the table has room for `count` entries (checked by Frame::parse), and the trailer follows it.
        let at = self.frame.table + reference as usize * offset_width;
        match load(self.data, at, offset_width) {
            Some(position) if position >= HEADER as u64 && position < self.frame.table as u64 => Ok(position as usize),
            found => Err(self.bad_offset(at, found)),
        }
    }

    /// The object that `reference` names.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Plist`] when it is no object, or reaches past the object area.
    pub fn object(&self, reference: u32) -> Result<Object<'a>> {
        Object::read(*self, self.position(reference)?)
    }

    /// The object at `position`, a place that [`Self::position`] gave.
    ///
    /// # Errors
    /// As [`Self::object`].
    pub fn object_at(&self, position: usize) -> Result<Object<'a>> {
        Object::read(*self, position)
    }

    /// `width` bytes of the object area as an unsigned number, `width` at most 8.
    #[inline(always)]
    pub(crate) fn number(&self, at: usize, width: usize) -> Option<u64> {
        if at.checked_add(width)? > self.frame.table {
            return None;
        }
        load(self.data, at, width)
    }

    #[cold]
    fn bad_reference(&self, reference: u64) -> Error {
        Error::plist(
            self.data.len() - TRAILER + 8,
            format!("references below {}, the number of objects", self.frame.count),
            reference.to_string(),
        )
    }

    #[cold]
    fn bad_offset(&self, at: usize, found: Option<u64>) -> Error {
        let expected = format!("an object offset between {HEADER} and {}", self.frame.table);
        Error::plist(at, expected, found.map_or_else(|| "nothing".to_owned(), |offset| offset.to_string()))
    }
}

/// `width` (1 to 8) bytes at `at` as a big-endian number. One load and a shift: everything that is read lies before the
/// 32-byte trailer, so eight bytes are there even for a narrow number; only the trailer's own last words need the slow
/// way.
#[inline(always)]
fn load(data: &[u8], at: usize, width: usize) -> Option<u64> {
    if let Some(word) = at.checked_add(8).and_then(|end| data.get(at..end)) {
        let word = u64::from_be_bytes(word.try_into().ok()?);
        return Some(word >> (64 - 8 * width as u32));
    }
    let bytes = data.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
