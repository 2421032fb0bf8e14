//! Strings of a record: bytes in the property list, made into text when asked for.

use crate::bplist::{Object, View};

/// A string as it stands in a property list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// Marked ASCII; in practice UTF-8, and where dyld's encoder met malformed UTF-8, those raw bytes.
    Utf8(&'a [u8]),
    /// Big-endian UTF-16, surrogates possibly unpaired.
    Utf16(&'a [u8]),
}

impl<'a> Text<'a> {
    /// The text of a string object.
    #[must_use]
    pub const fn of(object: Object<'a>) -> Option<Self> {
        match object {
            Object::Ascii(bytes) => Some(Self::Utf8(bytes)),
            Object::Utf16(units) => Some(Self::Utf16(units)),
            _ => None,
        }
    }

    /// The text of the string at `position`, a place that a row of this record named.
    #[must_use]
    pub(super) fn at(view: View<'a>, position: u32) -> Option<Self> {
        view.object_at(position as usize).ok().and_then(Self::of)
    }

    /// Bytes of the payload.
    #[must_use]
    pub const fn byte_length(&self) -> usize {
        match self {
            Self::Utf8(bytes) | Self::Utf16(bytes) => bytes.len(),
        }
    }

    /// As a Rust string; what is no text becomes U+FFFD.
    #[must_use]
    pub fn to_string_lossy(&self) -> String {
        match self {
            Self::Utf8(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Utf16(units) => {
                char::decode_utf16(units.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])))
                    .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect()
            }
        }
    }

    /// The text after the last slash.
    #[must_use]
    pub fn leaf(&self) -> Self {
        match self {
            Self::Utf8(bytes) => {
                let start = bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
                Self::Utf8(bytes.get(start..).unwrap_or_default())
            }
            Self::Utf16(units) => {
                let start = units.chunks_exact(2).rposition(|unit| unit == [0, b'/']).map_or(0, |slash| 2 * slash + 2);
                Self::Utf16(units.get(start..).unwrap_or_default())
            }
        }
    }

    /// Whether this is exactly `text`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        match self {
            Self::Utf8(bytes) => *bytes == text.as_bytes(),
            Self::Utf16(units) => Object::Utf16(units).is_text(text),
        }
    }
}
