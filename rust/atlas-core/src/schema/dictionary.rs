//! Small dictionaries by key: the root, references, caches. (Images and segments have the faster `walker`.)

use uuid::Uuid;

use crate::bplist::{Object, Pairs, References, Text, View};
use crate::error::{Error, Result};

use super::path::Path;
use super::report::Report;

/// A dictionary, and the key path that leads to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dictionary<'a, 'p> {
    view: View<'a>,
    pairs: Pairs<'a>,
    position: usize,
    path: Path<'p>,
}

/// A value of the right type: what to call it, and how to take it from an object.
pub(super) struct Wanted<'a, T> {
    what: &'static str,
    take: fn(Object<'a>) -> Option<T>,
}

/// An address: all 64 bits of an integer, signed or not.
pub(super) const fn address<'a>() -> Wanted<'a, u64> {
    Wanted {
        what: "integer of 64 bits",
        take: |object| if let Object::Integer(integer) = object { integer.bits() } else { None },
    }
}

/// A size, offset, count, time or number of a platform: not negative.
pub(super) const fn unsigned<'a>() -> Wanted<'a, u64> {
    Wanted {
        what: "integer of 0 to 2^64 - 1",
        take: |object| if let Object::Integer(integer) = object { integer.unsigned() } else { None },
    }
}

/// A signed integer.
pub(super) const fn signed<'a>() -> Wanted<'a, i64> {
    Wanted {
        what: "integer of 64 bits",
        take: |object| if let Object::Integer(integer) = object { i64::try_from(integer.0).ok() } else { None },
    }
}

/// Sixteen bytes.
pub(super) const fn uuid<'a>() -> Wanted<'a, Uuid> {
    Wanted {
        what: "data of 16 bytes",
        take: |object| if let Object::Data(data) = object { Uuid::from_slice(data).ok() } else { None },
    }
}

/// Bytes of any length.
pub(super) const fn data<'a>() -> Wanted<'a, &'a [u8]> {
    Wanted { what: "data", take: |object| if let Object::Data(data) = object { Some(data) } else { None } }
}

/// A string.
pub(super) const fn string<'a>() -> Wanted<'a, Text<'a>> {
    Wanted { what: "string", take: |object| object.text() }
}

// A constant cannot stand in a text that is made when this is compiled.
macro_rules! longest_path {
    () => {
        4096
    };
}

/// Bytes of the longest path or file name that is taken: four times what Darwin allows. Whoever lists the files of a cache joins
/// its path to each name.
pub(super) const LONGEST_PATH: usize = longest_path!();

/// A path, or a file name.
pub(super) const fn path<'a>() -> Wanted<'a, Text<'a>> {
    Wanted {
        what: concat!("string of at most ", longest_path!(), " bytes"),
        take: |object| object.text().filter(|text| text.payload().len() <= LONGEST_PATH),
    }
}

/// The name of a file, or a suffix of it: whoever joins it to a folder stays in there.
pub(super) const fn file_name<'a>() -> Wanted<'a, Text<'a>> {
    Wanted {
        what: concat!("file name of at most ", longest_path!(), " bytes"),
        take: |object| {
            let name = object.text().filter(|text| text.payload().len() <= LONGEST_PATH)?;
            let leads_away = name.leaf().payload().len() != name.payload().len() || name.is(".") || name.is("..");
            (!leads_away).then_some(name)
        },
    }
}

/// An array.
pub(super) const fn array<'a>() -> Wanted<'a, References<'a>> {
    Wanted { what: "array", take: |object| if let Object::Array(array) = object { Some(array) } else { None } }
}

/// A dictionary.
pub(super) const fn dictionary<'a>() -> Wanted<'a, Pairs<'a>> {
    Wanted {
        what: "dictionary",
        take: |object| if let Object::Dictionary(pairs) = object { Some(pairs) } else { None },
    }
}

impl<'a, 'p> Dictionary<'a, 'p> {
    /// The dictionary at `reference`, which `path` leads to.
    pub(super) fn open(view: View<'a>, reference: u32, path: Path<'p>) -> Result<Self> {
        let read = || {
            let position = view.position(reference)?;
            match view.object_at(position)? {
                Object::Dictionary(pairs) => Ok((pairs, position)),
                found => Err(Error::schema("dictionary", describe(&found)).at_offset(position)),
            }
        };
        match read() {
            Ok((pairs, position)) => Ok(Self { view, pairs, position, path }),
            Err(error) if matches!(path, Path::Root) => Err(error),
            Err(error) => Err(error.at_key(path.to_string())),
        }
    }

    /// The dictionary that is the value of `key`, which must be there.
    pub(super) fn child(&'p self, key: &'p str) -> Result<Self> {
        let path = self.path.key(key);
        match self.pairs.get(key).map_err(|error| error.at_key(path.to_string()))? {
            Some(reference) => Self::open(self.view, reference, path),
            None => Err(Error::schema("dictionary", "no such key").at_key(path.to_string()).at_offset(self.position)),
        }
    }

    /// Its pairs, in file order.
    pub(super) const fn pairs(&self) -> Pairs<'a> {
        self.pairs
    }

    /// The path that leads here.
    pub(super) const fn path(&self) -> &Path<'p> {
        &self.path
    }

    /// The value of `key` and its position; of a repeated key the first.
    fn find(&self, key: &str) -> Result<Option<(usize, Object<'a>)>> {
        let Some(reference) = self.pairs.get(key)? else { return Ok(None) };
        let position = self.view.position(reference)?;
        Ok(Some((position, self.view.object_at(position)?)))
    }

    /// The value of `key`, with its position, or `None` where there is no such key.
    fn read<T>(&self, key: &str, wanted: &Wanted<'a, T>) -> Result<Option<(usize, T)>> {
        let found = self.find(key).map_err(|error| error.at_key(self.path.key(key).to_string()))?;
        let Some((position, object)) = found else { return Ok(None) };
        match (wanted.take)(object) {
            Some(value) => Ok(Some((position, value))),
            None => Err(Error::schema(wanted.what, describe(&object))
                .at_key(self.path.key(key).to_string())
                .at_offset(position)),
        }
    }

    /// The value of a key that must be there, with its position.
    pub(super) fn required_at<T>(&self, key: &str, wanted: &Wanted<'a, T>) -> Result<(usize, T)> {
        self.read(key, wanted)?.ok_or_else(|| {
            Error::schema(wanted.what, "no such key").at_key(self.path.key(key).to_string()).at_offset(self.position)
        })
    }

    /// The value of a key that must be there.
    pub(super) fn required<T>(&self, key: &str, wanted: &Wanted<'a, T>) -> Result<T> {
        Ok(self.required_at(key, wanted)?.1)
    }

    /// The value of a key that may be absent, with its position; a wrong type is a fault, which a lenient report takes.
    pub(super) fn optional_at<T>(
        &self,
        report: &mut Report,
        key: &str,
        wanted: &Wanted<'a, T>,
    ) -> Result<Option<(usize, T)>> {
        match self.read(key, wanted) {
            Ok(found) => Ok(found),
            Err(error) => report.fault(error).map(|()| None),
        }
    }

    /// As [`Self::optional_at`], without the position.
    pub(super) fn optional<T>(&self, report: &mut Report, key: &str, wanted: &Wanted<'a, T>) -> Result<Option<T>> {
        Ok(self.optional_at(report, key, wanted)?.map(|(_, value)| value))
    }

    /// As [`Self::optional`], after the record was checked: what was a fault then is absent now.
    pub(super) fn checked<T>(&self, key: &str, wanted: &Wanted<'a, T>) -> Option<T> {
        self.read(key, wanted).ok().flatten().map(|(_, value)| value)
    }
}

/// An object in words for an error: its kind, and what tells it from the right one.
pub(super) fn describe(object: &Object<'_>) -> String {
    match object {
        Object::Integer(integer) => format!("integer {}", integer.0),
        Object::Data(data) => format!("data of {} bytes", data.len()),
        Object::Ascii(text) | Object::Utf16(text) if text.len() > LONGEST_PATH => {
            format!("string of {} bytes", text.len())
        }
        other => other.kind().to_owned(),
    }
}
