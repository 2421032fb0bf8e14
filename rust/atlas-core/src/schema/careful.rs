//! One image or segment, read with every check and every message.
//!
//! The walker reads what is as usual; what is not comes here, and so does what is broken. Both give the same row for the same
//! dictionary, and cost the same of the budget.

use crate::bplist::{Integer, Object, Pairs, View};
use crate::error::{Error, Result};

use super::budget::{self, Budget};
use super::dictionary::describe;
use super::keys;
use super::path::Path;
use super::report::Report;
use super::rows::{ImageRow, Placing, SegmentRow};

/// The keys of an image, in the order of their slots.
pub(super) const IMAGE: [&str; 6] = keys::image::ALL;

/// The keys of a segment, in the order of their slots.
pub(super) const SEGMENT: [&str; 6] = keys::segment::ALL;

/// What becomes of a fault.
pub(super) enum Faults<'r> {
    /// While checking: raised or noted, with the path; the indices of dropped images are collected.
    Report { report: &'r mut Report, path: Path<'r>, dropped: &'r mut Vec<u32> },
    /// After checking: what was faulty was dropped before, and is again.
    Ignore,
}

/// Where in the array of images a fault is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) image: u32,
    pub(super) segment: Option<usize>,
}

impl Faults<'_> {
    #[cold]
    pub(super) fn fault(&mut self, place: Place, key: &str, error: Error) -> Result<()> {
        let Self::Report { report, path, .. } = self else { return Ok(()) };
        if report.only_counts(&error) {
            return Ok(());
        }
        let image = path.index(place.image as usize);
        let segments = image.key(keys::image::SEGMENTS);
        let within = place.segment.map_or(image, |segment| segments.index(segment));
        let full = if key.is_empty() { within.to_string() } else { within.key(key).to_string() };
        report.fault(error.at_key(full))
    }

    #[cold]
    pub(super) fn drop_image(&mut self, image: u32) {
        if let Self::Report { dropped, .. } = self {
            dropped.push(image);
        }
    }
}

/// A dictionary whose known keys are located.
struct Located<'a> {
    view: View<'a>,
    position: usize,
    pairs: Pairs<'a>,
    /// The pair of each known key; of a repeated key the first.
    slots: [Option<usize>; 6],
}

impl<'a> Located<'a> {
    /// The outer error is that of the budget; the inner one is a fault of the record.
    fn read(view: View<'a>, position: usize, known: &[&str; 6], budget: &mut Budget) -> Result<Result<Self>> {
        let pairs = match view.object_at(position) {
            Ok(Object::Dictionary(pairs)) => pairs,
            Ok(object) => return Ok(Err(Error::schema("dictionary", describe(&object)).at_offset(position))),
            Err(error) => return Ok(Err(error)),
        };
        // Before the keys are looked at: one that is broken makes a fault of them, but they were looked at.
        budget.spend(budget::KEY.saturating_mul(pairs.len()))?;
        Ok(slots(view, pairs, known).map(|slots| Self { view, position, pairs, slots }))
    }

    /// The object in `slot` and its position, or `None` where the key is absent.
    fn object(&self, slot: usize) -> Result<Option<(usize, Object<'a>)>> {
        let Some(Some(index)) = self.slots.get(slot) else { return Ok(None) };
        let position = self.view.position(self.pairs.values.get(*index)?)?;
        Ok(Some((position, self.view.object_at(position)?)))
    }

    /// The value in `slot`, or `None` where the key is absent.
    fn optional<T>(&self, slot: usize, wanted: Value<T>) -> Result<Option<T>> {
        let Some((position, object)) = self.object(slot)? else { return Ok(None) };
        match (wanted.take)(position, &object) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::schema(wanted.what, describe(&object)).at_offset(position)),
        }
    }

    /// The value in `slot`, which must be there.
    fn required<T>(&self, slot: usize, wanted: Value<T>) -> Result<T> {
        let what = wanted.what;
        self.optional(slot, wanted)?.ok_or_else(|| Error::schema(what, "no such key").at_offset(self.position))
    }
}

/// The place of each known key among `pairs`; of a repeated key the first.
pub(super) fn slots(view: View<'_>, pairs: Pairs<'_>, known: &[&str; 6]) -> Result<[Option<usize>; 6]> {
    let mut slots = [None; 6];
    for index in 0..pairs.len() {
        let key = view.object(pairs.keys.get(index)?)?;
        for (slot, name) in slots.iter_mut().zip(known) {
            if slot.is_none() && key.is_text(name) {
                *slot = Some(index);
            }
        }
    }
    Ok(slots)
}

/// A value of the right type: what to call it, and how to take it from an object and its position.
struct Value<T> {
    what: &'static str,
    take: fn(usize, &Object<'_>) -> Option<T>,
}

const fn integer(object: &Object<'_>) -> Option<Integer> {
    if let Object::Integer(integer) = object { Some(*integer) } else { None }
}

const ADDRESS: Value<u64> = Value { what: "integer of 64 bits", take: |_, object| integer(object)?.bits() };
const SIZE: Value<u64> = Value { what: "integer of 0 to 2^64 - 1", take: |_, object| integer(object)?.unsigned() };
const PROTECTION: Value<u8> =
    Value { what: "integer of 0 to 255", take: |_, object| u8::try_from(integer(object)?.unsigned()?).ok() };
const UUID: Value<[u8; 16]> = Value {
    what: "data of 16 bytes",
    take: |_, object| if let Object::Data(data) = object { (*data).try_into().ok() } else { None },
};
/// Position and bytes of the payload.
const TEXT: Value<(u32, usize)> = Value {
    what: "string",
    take: |position, object| object.text().map(|text| (position as u32, text.payload().len())),
};
/// Position.
const ARRAY: Value<u32> =
    Value { what: "array", take: |position, object| matches!(object, Object::Array(_)).then_some(position as u32) };

/// The image at `position`; `None` where it is dropped.
pub(super) fn image(
    view: View<'_>,
    position: usize,
    place: Place,
    placing: Placing,
    faults: &mut Faults<'_>,
    budget: &mut Budget,
) -> Result<Option<ImageRow>> {
    budget.spend(budget::IMAGE)?;
    let located = match Located::read(view, position, &IMAGE, budget)? {
        Ok(located) => located,
        Err(error) => return faults.fault(place, "", error).map(|()| None),
    };
    // A faulty optional key is dropped; the image stays.
    macro_rules! optional {
        ($slot:expr, $wanted:expr) => {
            match located.optional($slot, $wanted) {
                Ok(value) => value,
                Err(error) => faults.fault(place, IMAGE[$slot], error).map(|()| None)?,
            }
        };
    }
    // Without the address that it had, the image would be taken for one that moves with the cache.
    let address = match located.optional(0, ADDRESS) {
        Ok(address) => address,
        Err(error) => return faults.fault(place, IMAGE[0], error).map(|()| None),
    };
    let preferred_load_address = optional!(1, ADDRESS);
    let uuid = optional!(2, UUID);
    let (install_name, name_length) = optional!(3, TEXT).unwrap_or_default();
    let (file_path, path_length) = optional!(4, TEXT).unwrap_or_default();
    let segments = optional!(5, ARRAY).unwrap_or_default();
    let error = match (address, preferred_load_address, placing) {
        (None, None, _) => Error::schema(format!("{} or {}", IMAGE[0], IMAGE[1]), "neither"),
        (None, Some(_), Placing::OwnAddress) => {
            let found = format!("{} alone, and no shared cache whose slide it could have", IMAGE[1]);
            Error::schema(IMAGE[0], found)
        }
        _ => {
            budget.spend(name_length)?;
            budget.spend(path_length)?;
            let position = position as u32;
            let row = ImageRow { position, address, preferred_load_address, uuid, install_name, file_path, segments };
            return Ok(Some(row));
        }
    };
    faults.fault(place, "", error.at_offset(position)).map(|()| None)
}

/// The segment at `position`; `None` where it is dropped.
pub(super) fn segment(
    view: View<'_>,
    position: usize,
    place: Place,
    faults: &mut Faults<'_>,
    budget: &mut Budget,
) -> Result<Option<SegmentRow>> {
    budget.spend(budget::SEGMENT)?;
    let located = match Located::read(view, position, &SEGMENT, budget)? {
        Ok(located) => located,
        Err(error) => return faults.fault(place, "", error).map(|()| None),
    };
    // A segment without one of these is none.
    macro_rules! required {
        ($slot:expr, $wanted:expr) => {
            match located.required($slot, $wanted) {
                Ok(value) => value,
                Err(error) => return faults.fault(place, SEGMENT[$slot], error).map(|()| None),
            }
        };
    }
    let (name, length) = required!(0, TEXT);
    let preferred_load_address = required!(1, ADDRESS);
    let vm_size = required!(2, SIZE);
    let file_size = required!(3, SIZE);
    let permissions = required!(4, PROTECTION);
    let file_offset = match located.optional(5, SIZE) {
        Ok(offset) => offset,
        Err(error) => faults.fault(place, SEGMENT[5], error).map(|()| None)?,
    };
    budget.spend(length)?;
    Ok(Some(SegmentRow { name, permissions, preferred_load_address, vm_size, file_size, file_offset }))
}
