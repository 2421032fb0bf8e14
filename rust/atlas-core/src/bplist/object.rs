//! One object: its marker byte, its count, and its payload inside the object area.

use crate::error::{Error, Result};

use super::view::View;

/// An object of a property list. Payloads point into the data; nothing is copied.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// `00`.
    Null,
    /// `08`, `09`.
    Bool(bool),
    /// `1n`: 2^n bytes.
    Integer(Integer),
    /// `22`, `23`.
    Real(f64),
    /// `33`: seconds since 2001-01-01 00:00 UTC.
    Date(f64),
    /// `4n`, and the fill byte `0f` as empty data, as plistlib reads it.
    Data(&'a [u8]),
    /// `5n`: marked ASCII. dyld's encoder leaves UTF-8 in here that it could not convert.
    Ascii(&'a [u8]),
    /// `6n`: big-endian UTF-16, two bytes a unit; surrogates may be unpaired.
    Utf16(&'a [u8]),
    /// `8n`: n + 1 bytes, big-endian.
    Uid(&'a [u8]),
    /// `an`.
    Array(References<'a>),
    /// `cn`.
    Set(References<'a>),
    /// `dn`.
    Dictionary(Pairs<'a>),
}

/// An integer: 1, 2 and 4 bytes are unsigned, 8 and 16 bytes signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer(pub i128);

impl Integer {
    /// The 64 bits of the number, signed or unsigned; `None` for a number that needs more.
    #[must_use]
    pub fn bits(self) -> Option<u64> {
        u64::try_from(self.0).ok().or_else(|| i64::try_from(self.0).ok().map(i64::cast_unsigned))
    }

    /// The number, where it is not negative and fits.
    #[must_use]
    pub fn unsigned(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

/// The references of an array or a set, or one half of a dictionary.
#[derive(Clone, Copy, Debug)]
pub struct References<'a> {
    view: View<'a>,
    at: usize,
    count: usize,
}

impl<'a> References<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where the first reference stands.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// The references as they stand in the file.
    #[must_use]
    #[inline(always)]
    pub fn raw(&self) -> &'a [u8] {
        self.view.data().get(self.at..self.at + self.count * self.view.reference_width()).unwrap_or_default()
    }

    /// Reference `index`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Plist`] for a reference that names no object, or an index past the end.
    pub fn get(&self, index: usize) -> Result<u32> {
        let width = self.view.reference_width();
        let at = self.at.saturating_add(index.saturating_mul(width));
        let reference = if index < self.count { self.view.number(at, width) } else { None };
        match reference {
            Some(reference) if reference < u64::from(self.view.object_count()) => Ok(reference as u32),
            found => Err(Error::plist(
                at,
                format!("a reference below {}, the number of objects", self.view.object_count()),
                found.map_or_else(|| "nothing".to_owned(), |reference| reference.to_string()),
            )),
        }
    }

    /// All references in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<u32>> + use<'a> {
        let references = *self;
        (0..self.count).map(move |index| references.get(index))
    }
}

/// The keys and values of a dictionary, in file order; keys may repeat.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    /// Object references of the keys.
    pub keys: References<'a>,
    /// Object references of the values.
    pub values: References<'a>,
}

impl<'a> Pairs<'a> {
    /// How many pairs there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// All pairs in file order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<(u32, u32)>> + use<'a> {
        let pairs = *self;
        (0..self.len()).map(move |index| Ok((pairs.keys.get(index)?, pairs.values.get(index)?)))
    }

    /// The value of `key`; of a repeated key the first, as dyld's reader takes it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Plist`] for a key before it that cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<u32>> {
        for index in 0..self.len() {
            if self.keys.view.object(self.keys.get(index)?)?.is_text(key) {
                return self.values.get(index).map(Some);
            }
        }
        Ok(None)
    }
}

impl<'a> Object<'a> {
    pub(super) fn read(view: View<'a>, position: usize) -> Result<Self> {
        let area = view.data().get(..view.area_end()).unwrap_or_default();
        let Some(&marker) = area.get(position) else {
            return Err(Error::plist(position, "an object", "the end of the object area"));
        };
        let low = usize::from(marker & 0x0f);
        let fixed = |width: usize| {
            let bytes = position.checked_add(1 + width).and_then(|end| area.get(position + 1..end));
            bytes.ok_or_else(|| past_end(view, position, &format!("{width} bytes")))
        };
        let real = |width: usize| {
            fixed(width).map(|bytes| match (<[u8; 4]>::try_from(bytes), <[u8; 8]>::try_from(bytes)) {
                (Ok(bytes), _) => f64::from(f32::from_be_bytes(bytes)),
                (_, Ok(bytes)) => f64::from_be_bytes(bytes),
                _ => f64::NAN,
            })
        };
        Ok(match marker {
            0x00 => Self::Null,
            0x08 => Self::Bool(false),
            0x09 => Self::Bool(true),
            0x0f => Self::Data(&[]),
            0x10..=0x14 => Self::Integer(integer(fixed(1 << low)?)),
            0x22 | 0x23 => Self::Real(real(1 << low)?),
            0x33 => Self::Date(real(8)?),
            0x40..=0x4f => Self::Data(payload(view, position, low, 1)?),
            0x50..=0x5f => Self::Ascii(payload(view, position, low, 1)?),
            0x60..=0x6f => Self::Utf16(payload(view, position, low, 2)?),
            0x80..=0x8f => Self::Uid(fixed(low + 1)?),
            0xa0..=0xaf => Self::Array(references(view, position, low)?),
            0xc0..=0xcf => Self::Set(references(view, position, low)?),
            0xd0..=0xdf => {
                let (at, count) = counted(view, position, low, 2 * view.reference_width())?;
                let keys = References { view, at, count };
                Self::Dictionary(Pairs { keys, values: References { at: at + count * view.reference_width(), ..keys } })
            }
            _ => return Err(Error::plist(position, "the marker of a known kind of object", format!("{marker:#04x}"))),
        })
    }

    /// What kind of object this is, in words for people.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Real(_) => "real",
            Self::Date(_) => "date",
            Self::Data(_) => "data",
            Self::Ascii(_) | Self::Utf16(_) => "string",
            Self::Uid(_) => "uid",
            Self::Array(_) => "array",
            Self::Set(_) => "set",
            Self::Dictionary(_) => "dictionary",
        }
    }

    /// Whether this is the string `text`, in either encoding.
    #[must_use]
    pub fn is_text(&self, text: &str) -> bool {
        self.text().is_some_and(|own| own.is(text))
    }
}

fn integer(bytes: &[u8]) -> Integer {
    let unsigned = bytes.iter().fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
    // Below 8 bytes unsigned; 16 bytes fill the type, so that the cast reads the sign.
    Integer(if bytes.len() == 8 { i128::from((unsigned as u64).cast_signed()) } else { unsigned.cast_signed() })
}

/// Where the payload of a counted object begins and how many elements of `width` bytes it has, all inside the area.
fn counted(view: View<'_>, position: usize, low: usize, width: usize) -> Result<(usize, usize)> {
    let (at, count) = if low < 0x0f {
        (position + 1, low as u64)
    } else {
        // The count follows as an integer object. dyld and plistlib take it as unsigned, of 1 to 8 bytes.
        match view.number(position + 1, 1) {
            Some(marker @ 0x10..=0x13) => {
                let size = 1_usize << (marker & 0x0f);
                let count = view.number(position + 2, size);
                (position + 2 + size, count.ok_or_else(|| past_end(view, position, "a count"))?)
            }
            found => {
                let found =
                    found.map_or_else(|| "the end of the object area".to_owned(), |byte| format!("{byte:#04x}"));
                return Err(Error::plist(position + 1, "an integer marker, 10 to 13, for the count", found));
            }
        }
    };
    let room = view.area_end().saturating_sub(at) / width;
    match usize::try_from(count) {
        Ok(count) if count <= room => Ok((at, count)),
        _ => Err(Error::plist(
            position,
            format!("at most {room} elements, as many as fit before the offset table"),
            count.to_string(),
        )),
    }
}

fn payload<'a>(view: View<'a>, position: usize, low: usize, width: usize) -> Result<&'a [u8]> {
    let (at, count) = counted(view, position, low, width)?;
    Ok(view.data().get(at..at + count * width).unwrap_or_default())
}

fn references(view: View<'_>, position: usize, low: usize) -> Result<References<'_>> {
    let (at, count) = counted(view, position, low, view.reference_width())?;
    Ok(References { view, at, count })
}

#[cold]
fn past_end(view: View<'_>, position: usize, what: &str) -> Error {
    Error::plist(
        position,
        format!("{what} before the offset table at {:#x}", view.area_end()),
        "the end of the object area",
    )
}
