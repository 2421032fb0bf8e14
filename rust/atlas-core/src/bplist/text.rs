//! Text of a property list, in whichever of its two encodings, also where it is no valid text.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use super::object::Object;

/// A string object. Either encoding may hold what is no text: dyld's encoder marks bytes as ASCII that it could not
/// convert from UTF-8, and passes surrogates through unpaired.
///
/// Two are equal where they are the same text, in whichever encoding, and where neither is text, the same bytes.
#[derive(Clone, Copy, Debug)]
pub enum Text<'a> {
    /// Marked ASCII; read as UTF-8, of which ASCII is a part.
    Ascii(&'a [u8]),
    /// Big-endian UTF-16, two bytes a unit.
    Utf16(&'a [u8]),
}

impl<'a> Text<'a> {
    /// The text as it stands in the data: only where it is marked ASCII and valid.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Ascii(bytes) => std::str::from_utf8(bytes).ok(),
            Self::Utf16(_) => None,
        }
    }

    /// The text, or `None` where it holds bytes that are no UTF-8 or a surrogate without its partner.
    #[must_use]
    pub fn decode(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Ascii(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Utf16(bytes) => {
                let decoded: Option<String> = char::decode_utf16(units(bytes)).map(std::result::Result::ok).collect();
                decoded.map(Cow::Owned)
            }
        }
    }

    /// The text, with U+FFFD for what is none.
    #[must_use]
    pub fn decode_lossy(self) -> Cow<'a, str> {
        match self {
            Self::Ascii(bytes) => String::from_utf8_lossy(bytes),
            Self::Utf16(bytes) => char::decode_utf16(units(bytes))
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect::<String>()
                .into(),
        }
    }

    /// The text as UTF-8, and what is none as it is: bytes that are no text stay, and a surrogate without its partner
    /// takes the three bytes that UTF-8 would give it. So different texts stay different.
    #[must_use]
    pub fn to_bytes(self) -> Cow<'a, [u8]> {
        let Self::Utf16(payload) = self else { return Cow::Borrowed(self.payload()) };
        let mut bytes = Vec::with_capacity(payload.len());
        for unit in char::decode_utf16(units(payload)) {
            match unit {
                Ok(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(error) => {
                    let [high, low] = error.unpaired_surrogate().to_be_bytes();
                    bytes.extend([0xe0 | high >> 4, 0x80 | (high & 15) << 2 | low >> 6, 0x80 | low & 0x3f]);
                }
            }
        }
        Cow::Owned(bytes)
    }

    /// The UTF-16 units of a UTF-16 string, lone surrogates among them; `None` for one that is marked ASCII.
    #[must_use]
    pub fn units(self) -> Option<impl ExactSizeIterator<Item = u16> + Clone + use<'a>> {
        match self {
            Self::Ascii(_) => None,
            Self::Utf16(bytes) => Some(units(bytes)),
        }
    }

    /// The text after the last slash.
    #[must_use]
    pub fn leaf(self) -> Self {
        match self {
            Self::Ascii(bytes) => {
                let start = bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
                Self::Ascii(bytes.get(start..).unwrap_or_default())
            }
            Self::Utf16(bytes) => {
                let slash = bytes.as_chunks::<2>().0.iter().rposition(|unit| *unit == [0, b'/']);
                Self::Utf16(bytes.get(slash.map_or(0, |slash| 2 * slash + 2)..).unwrap_or_default())
            }
        }
    }

    /// Whether this is exactly `text`.
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        match self {
            Self::Ascii(bytes) => bytes == text.as_bytes(),
            Self::Utf16(bytes) => units(bytes).eq(text.encode_utf16()),
        }
    }

    /// The bytes of the object, in its own encoding.
    #[must_use]
    pub const fn payload(self) -> &'a [u8] {
        match self {
            Self::Ascii(bytes) | Self::Utf16(bytes) => bytes,
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ascii(own), Self::Ascii(other)) | (Self::Utf16(own), Self::Utf16(other)) => own == other,
            _ => self.to_bytes() == other.to_bytes(),
        }
    }
}

impl Eq for Text<'_> {}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bytes().hash(state);
    }
}

fn units(bytes: &[u8]) -> impl ExactSizeIterator<Item = u16> + Clone + use<'_> {
    bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit))
}

impl<'a> Object<'a> {
    /// The text of a string object, else `None`.
    #[must_use]
    pub const fn text(&self) -> Option<Text<'a>> {
        match *self {
            Self::Ascii(bytes) => Some(Text::Ascii(bytes)),
            Self::Utf16(bytes) => Some(Text::Utf16(bytes)),
            _ => None,
        }
    }
}
