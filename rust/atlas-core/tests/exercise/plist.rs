//! Property lists: every object, the walk over all of them, and writing them again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use atlas_core::Error;
use atlas_core::bplist::{Build, Integer, Made, Object, Plist, Reference, References, Text, View, Writer, build};
use atlas_core::bytes::Bytes;

use super::{LIMITS, refuse};

/// Objects may overlap, so that reading each from its start takes the square of the input.
const MOST_VISITS: usize = 1 << 18;

pub fn plist(data: &[u8]) -> bool {
    let plist = match Plist::parse(Bytes::from(data.to_vec())) {
        Ok(plist) => plist,
        Err(error) => return refuse(&error),
    };
    assert_eq!(plist.bytes()[..], *data);
    objects(&plist);
    again(plist.view())
}

fn objects(plist: &Plist) {
    let view = plist.view();
    assert!(view.top() < view.object_count() && view.area_end() <= view.data().len());
    let mut visits = MOST_VISITS;
    for reference in 0..view.object_count() {
        let Some(left) = visits.checked_sub(1) else { return };
        visits = left;
        match view.object(reference) {
            Ok(object) => {
                let position = view.position(reference).expect("the object was read");
                assert_eq!(view.object_at(position).expect("it was read by its reference").kind(), object.kind());
                visits = visits.saturating_sub(one(plist, object));
            }
            Err(error) => {
                refuse(&error);
            }
        }
    }
    assert!(view.object(view.object_count()).is_err());
}

/// How many bytes and references were looked at.
fn one(plist: &Plist, object: Object<'_>) -> usize {
    match object {
        Object::Array(references) | Object::Set(references) => self::references(plist.view(), references),
        Object::Dictionary(pairs) => {
            assert_eq!((pairs.len(), pairs.is_empty()), (pairs.values.len(), pairs.keys.is_empty()));
            assert_eq!(pairs.iter().len(), pairs.len());
            if pairs.len() <= 32 {
                first_wins(plist.view(), pairs);
            }
            references(plist.view(), pairs.keys) + references(plist.view(), pairs.values) + pairs.len()
        }
        Object::Ascii(payload) | Object::Utf16(payload) => {
            let text = object.text().expect("a string is text");
            assert_eq!(plist.part(payload)[..], *payload);
            strings(text);
            4 * payload.len()
        }
        Object::Data(payload) => {
            assert_eq!(plist.part(payload)[..], *payload);
            payload.len()
        }
        Object::Uid(payload) => payload.len(),
        Object::Integer(integer) => {
            assert_eq!(integer.unsigned().is_some(), integer.0 >= 0 && integer.0 <= i128::from(u64::MAX));
            assert!(integer.bits().is_some() || i64::try_from(integer.0).is_err());
            0
        }
        Object::Null | Object::Bool(_) | Object::Real(_) | Object::Date(_) => 0,
    }
}

fn references(view: View<'_>, references: References<'_>) -> usize {
    assert_eq!(references.raw().len(), references.len() * view.reference_width());
    assert!(references.offset() + references.raw().len() <= view.area_end());
    assert_eq!(references.is_empty(), references.iter().next().is_none());
    for reference in references.iter().take(MOST_VISITS) {
        match reference {
            Ok(reference) => assert!(reference < view.object_count()),
            Err(error) => {
                refuse(&error);
            }
        }
    }
    assert!(references.get(references.len()).is_err());
    references.len()
}

fn first_wins(view: View<'_>, pairs: atlas_core::bplist::Pairs<'_>) {
    let mut before: Vec<(String, u32)> = Vec::new();
    for pair in pairs.iter() {
        let Ok((key, value)) = pair else { return };
        let Ok(key) = view.object(key) else { return };
        if let Some(key) = key.text().and_then(Text::decode).filter(|key| key.len() < 1000) {
            let first = before.iter().find(|(other, _)| *other == key).map_or(value, |(_, first)| *first);
            assert_eq!(pairs.get(&key).expect("every pair up to here is sound"), Some(first));
            before.push((key.into_owned(), value));
        }
    }
}

fn strings(text: Text<'_>) {
    let lossy = text.decode_lossy();
    match text.decode() {
        Some(decoded) => {
            assert_eq!(decoded, lossy);
            assert!(text.is(&decoded));
            assert!(text.leaf().is(decoded.rsplit('/').next().unwrap_or_default()));
        }
        None => assert!(lossy.contains('\u{fffd}') && !text.is(&lossy)),
    }
    assert!(text.as_str().is_none_or(|text| text == lossy));
    match (text, text.units()) {
        (Text::Utf16(payload), Some(units)) => assert_eq!(2 * units.len(), payload.len()),
        (Text::Ascii(_), units) => assert!(units.is_none()),
        (Text::Utf16(_), None) => panic!("UTF-16 without units"),
    }
}

/// Walks the whole list into a writer; what that writes is the same list, and stays so when it is done again.
fn again(view: View<'_>) -> bool {
    let (hash, bytes) = match rewrite(view) {
        Ok(made) => made,
        Err(error) => return refuse(&error),
    };
    let copy = Plist::parse(Bytes::from(bytes.clone())).expect("what was written is read");
    let (second_hash, second) = rewrite(copy.view()).expect("what was made of sound objects is sound");
    assert_eq!(hash, second_hash, "the copy says something else");
    assert!(bytes == second, "writing is no fixed point");
    true
}

fn rewrite(view: View<'_>) -> Result<(u64, Vec<u8>), Error> {
    let mut rewrite = Rewrite { writer: Writer::new() };
    let (hash, top) = build(view, &LIMITS, &mut rewrite)?;
    Ok((hash, rewrite.writer.finish(top)?))
}

/// Writes what it is shown, and sums up what that says.
struct Rewrite {
    writer: Writer,
}

fn sum(kind: u8, content: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, content).hash(&mut hasher);
    hasher.finish()
}

impl Build for Rewrite {
    type Value = (u64, Reference);
    type Error = Error;

    fn null(&mut self) -> Made<Self> {
        Ok((sum(0, ()), self.writer.null()))
    }
    fn boolean(&mut self, value: bool) -> Made<Self> {
        Ok((sum(1, value), self.writer.boolean(value)))
    }
    fn integer(&mut self, value: Integer) -> Made<Self> {
        Ok((sum(2, value.0), self.writer.integer(value.0)))
    }
    fn real(&mut self, value: f64) -> Made<Self> {
        Ok((sum(3, value.to_bits()), self.writer.real(value)))
    }
    fn date(&mut self, seconds: f64) -> Made<Self> {
        Ok((sum(4, seconds.to_bits()), self.writer.date(seconds)))
    }
    fn data(&mut self, data: &[u8]) -> Made<Self> {
        Ok((sum(5, data), self.writer.data(data)))
    }
    fn text(&mut self, text: Text<'_>) -> Made<Self> {
        let Some(units) = text.units() else {
            return Ok((sum(6, text.payload()), self.writer.marked_ascii(text.payload())));
        };
        let units: Vec<u16> = units.collect();
        let reference = self.writer.utf16(&units);
        match units.iter().map(|unit| u8::try_from(*unit).ok().filter(u8::is_ascii)).collect::<Option<Vec<u8>>>() {
            Some(ascii) => Ok((sum(6, ascii.as_slice()), reference)),
            None => Ok((sum(7, units), reference)),
        }
    }
    fn uid(&mut self, value: u128) -> Made<Self> {
        Ok((sum(8, value as u64), self.writer.uid(value as u64)))
    }
    fn array(&mut self, items: &[Self::Value]) -> Made<Self> {
        let references: Vec<_> = items.iter().map(|item| item.1).collect();
        let hash = sum(9, items.iter().map(|item| item.0).collect::<Vec<_>>());
        Ok((hash, self.writer.array(&references)))
    }
    fn dictionary(&mut self, keys: &[Self::Value], values: &[Self::Value]) -> Made<Self> {
        assert_eq!(keys.len(), values.len());
        let pairs: Vec<_> = keys.iter().zip(values).map(|(key, value)| (key.1, value.1)).collect();
        let hash = sum(10, keys.iter().zip(values).map(|(key, value)| (key.0, value.0)).collect::<Vec<_>>());
        Ok((hash, self.writer.dictionary(&pairs)))
    }
}
