//! The hot pass over images and segments.
//!
//! A cache has 3 500 images and 20 000 segments, each a dictionary of five to seven keys, and nearly every one repeats the
//! key references of the one before: so the places of the known keys are remembered with the references they were
//! found under, and comparing those bytes replaces looking at the keys. The widths of offsets and references are
//! compile-time constants for the combinations that encoders write.

use crate::bplist::{Object, References, View};
use crate::error::{Error, Result};

use super::budget::{self, Budget};
use super::dictionary::describe;
use super::images::{ImageRow, ImageVisitor, SegmentRow};
use super::keys;
use super::path::Path;
use super::report::Report;
use super::words::Words;

/// What becomes of a fault.
pub(super) enum Faults<'r> {
    /// While checking: raised or noted, with the path; the indices of dropped images are collected.
    Report { report: &'r mut Report, path: Path<'r>, dropped: &'r mut Vec<u32> },
    /// After checking: what was faulty was dropped before, and is again.
    Ignore,
}

/// Where in the array of images a fault is.
#[derive(Clone, Copy)]
struct Place {
    image: u32,
    segment: Option<usize>,
}

impl Faults<'_> {
    #[cold]
    fn fault(&mut self, place: Place, key: &str, error: Error) -> Result<()> {
        let Self::Report { report, path, .. } = self else { return Ok(()) };
        let Place { image, segment } = place;
        let image = path.index(image as usize);
        let segments = image.key(keys::image::SEGMENTS);
        let within = segment.map_or(image, |segment| segments.index(segment));
        let full = if key.is_empty() { within.to_string() } else { within.key(key).to_string() };
        report.fault(error.at_key(full))
    }

    #[cold]
    fn drop_image(&mut self, image: u32) {
        if let Self::Report { dropped, .. } = self {
            dropped.push(image);
        }
    }
}

/// Walks the images of `array` and their segments.
pub(super) fn walk(
    view: View<'_>,
    array: References<'_>,
    faults: &mut Faults<'_>,
    budget: &mut Budget,
    visitor: &mut impl ImageVisitor,
) -> Result<()> {
    // What dyld's encoders and plistlib write; any other combination takes the general code.
    match (view.offset_width(), view.reference_width()) {
        (1, 1) => Walker::<1, 1>::new(view).walk(array, faults, budget, visitor),
        (2, 1) => Walker::<2, 1>::new(view).walk(array, faults, budget, visitor),
        (2, 2) => Walker::<2, 2>::new(view).walk(array, faults, budget, visitor),
        (4, 2) => Walker::<4, 2>::new(view).walk(array, faults, budget, visitor),
        (4, 4) => Walker::<4, 4>::new(view).walk(array, faults, budget, visitor),
        _ => Walker::<0, 0>::new(view).walk(array, faults, budget, visitor),
    }
}

/// Image `index` of `array`, as a walk would show it.
pub(super) fn image(view: View<'_>, array: References<'_>, index: u32) -> Option<ImageRow> {
    let position = view.position(array.get(index as usize).ok()?).ok()?;
    let mut budget = Budget::new(view.data().len());
    let place = Place { image: index, segment: None };
    Walker::<0, 0>::new(view).image(position, place, &mut Faults::Ignore, &mut budget).ok().flatten()
}

/// The segments of the array at `position` (0: none), as a walk would show them.
pub(super) fn segments<'a>(view: View<'a>, position: u32) -> impl Iterator<Item = SegmentRow> + use<'a> {
    let array = match view.object_at(position as usize) {
        Ok(Object::Array(array)) if position != 0 => Some(array),
        _ => None,
    };
    let mut walker = Walker::<0, 0>::new(view);
    let mut budget = Budget::new(view.data().len());
    array.into_iter().flat_map(|array| array.iter()).filter_map(move |reference| {
        let position = view.position(reference.ok()?).ok()?;
        let place = Place { image: 0, segment: Some(0) };
        walker.segment(position, place, &mut Faults::Ignore, &mut budget).ok().flatten()
    })
}

/// The keys of an image that are read, in the order of their slots.
const IMAGE: [&str; 6] = [
    keys::image::ADDRESS,
    keys::image::PREFERRED_LOAD_ADDRESS,
    keys::image::UUID,
    keys::image::INSTALL_NAME,
    keys::image::FILE_PATH,
    keys::image::SEGMENTS,
];

/// The keys of a segment, in the order of their slots.
const SEGMENT: [&str; 6] = [
    keys::segment::NAME,
    keys::segment::PREFERRED_LOAD_ADDRESS,
    keys::segment::VM_SIZE,
    keys::segment::FILE_SIZE,
    keys::segment::PERMISSIONS,
    keys::segment::FILE_OFFSET,
];

/// What errors call the values.
const ADDRESS: &str = "integer of 64 bits";
const SIZE: &str = "integer that is not negative";
const PROTECTION: &str = "integer of 0 to 255";
const STRING: &str = "string";

/// The place of each known key among the pairs of a dictionary, and the key references under which that is so.
struct Shape<'a> {
    references: &'a [u8],
    slots: [u32; 6],
}

/// No such key.
const NONE: u32 = u32::MAX;

struct Walker<'a, const OFFSET: usize, const REFERENCE: usize> {
    view: View<'a>,
    words: Words<'a, OFFSET, REFERENCE>,
    image_shape: Shape<'a>,
    segment_shape: Shape<'a>,
}

/// A dictionary whose keys are located.
#[derive(Clone, Copy)]
struct Located {
    values: usize,
    slots: [u32; 6],
}

impl<'a, const OFFSET: usize, const REFERENCE: usize> Walker<'a, OFFSET, REFERENCE> {
    fn new(view: View<'a>) -> Self {
        const EMPTY: Shape<'static> = Shape { references: &[], slots: [NONE; 6] };
        Self { view, words: Words::new(view), image_shape: EMPTY, segment_shape: EMPTY }
    }

    fn walk(
        &mut self,
        array: References<'a>,
        faults: &mut Faults<'_>,
        budget: &mut Budget,
        visitor: &mut impl ImageVisitor,
    ) -> Result<()> {
        let mut kept = 0;
        for index in 0..array.len() {
            let place = Place { image: index as u32, segment: None };
            let row = match self.element(array, index) {
                Ok(position) => self.image(position, place, faults, budget)?,
                Err(error) => faults.fault(place, "", error).map(|()| None)?,
            };
            let Some(row) = row else {
                faults.drop_image(place.image);
                continue;
            };
            visitor.image(kept, &row);
            if row.segments != 0 {
                self.walk_segments(&row, place, kept, faults, budget, visitor)?;
            }
            kept += 1;
        }
        Ok(())
    }

    #[inline(always)]
    fn walk_segments(
        &mut self,
        row: &ImageRow,
        place: Place,
        kept: u32,
        faults: &mut Faults<'_>,
        budget: &mut Budget,
        visitor: &mut impl ImageVisitor,
    ) -> Result<()> {
        let Object::Array(array) = self.view.object_at(row.segments as usize)? else { return Ok(()) };
        budget.spend(1 + array.len())?;
        for segment in 0..array.len() {
            let place = Place { segment: Some(segment), ..place };
            let row = match self.element(array, segment) {
                Ok(position) => self.segment(position, place, faults, budget)?,
                Err(error) => faults.fault(place, "", error).map(|()| None)?,
            };
            if let Some(row) = row {
                visitor.segment(kept, &row);
            }
        }
        Ok(())
    }

    /// The image at `position`; `None` where it is dropped.
    #[inline(always)]
    fn image(
        &mut self,
        position: usize,
        place: Place,
        faults: &mut Faults<'_>,
        budget: &mut Budget,
    ) -> Result<Option<ImageRow>> {
        budget.spend(budget::IMAGE)?;
        let located = match locate(self, position, &IMAGE, |walker| &mut walker.image_shape, budget)? {
            Ok(located) => located,
            Err(error) => return faults.fault(place, "", error).map(|()| None),
        };
        // A faulty optional key is dropped; the image stays.
        macro_rules! optional {
            ($slot:expr, $read:ident) => {
                match self.value(&located, $slot).and_then(|at| at.map_or(Ok(None), |at| self.$read(at).map(Some))) {
                    Ok(value) => value,
                    Err(error) => faults.fault(place, IMAGE[$slot], error).map(|()| None)?,
                }
            };
        }
        let address = optional!(0, address);
        let preferred_load_address = optional!(1, address);
        let uuid = optional!(2, uuid);
        let install_name = optional!(3, string);
        let file_path = optional!(4, string);
        let segments = optional!(5, array);
        if address.is_none() && preferred_load_address.is_none() {
            let expected = format!("{} or {}", IMAGE[0], IMAGE[1]);
            return faults.fault(place, "", Error::schema(expected, "neither").at_offset(position)).map(|()| None);
        }
        let (install_name, name_length) = install_name.unwrap_or_default();
        let (file_path, path_length) = file_path.unwrap_or_default();
        budget.spend(name_length + path_length)?;
        let segments = segments.unwrap_or_default();
        let position = position as u32;
        Ok(Some(ImageRow { position, address, preferred_load_address, uuid, install_name, file_path, segments }))
    }

    /// The segment at `position`; `None` where it is dropped.
    #[inline(always)]
    fn segment(
        &mut self,
        position: usize,
        place: Place,
        faults: &mut Faults<'_>,
        budget: &mut Budget,
    ) -> Result<Option<SegmentRow>> {
        budget.spend(budget::SEGMENT)?;
        let located = match locate(self, position, &SEGMENT, |walker| &mut walker.segment_shape, budget)? {
            Ok(located) => located,
            Err(error) => return faults.fault(place, "", error).map(|()| None),
        };
        // A segment without one of these is none.
        macro_rules! required {
            ($slot:expr, $read:ident, $expected:expr) => {
                match self.value(&located, $slot).and_then(|at| match at {
                    Some(at) => self.$read(at),
                    None => Err(Error::schema($expected, "no such key").at_offset(position)),
                }) {
                    Ok(value) => value,
                    Err(error) => return faults.fault(place, SEGMENT[$slot], error).map(|()| None),
                }
            };
        }
        let (name, length) = required!(0, string, STRING);
        let preferred_load_address = required!(1, address, ADDRESS);
        let vm_size = required!(2, size, SIZE);
        let file_size = required!(3, size, SIZE);
        let permissions = required!(4, protection, PROTECTION);
        let file_offset = match self.value(&located, 5).and_then(|at| at.map_or(Ok(None), |at| self.size(at).map(Some)))
        {
            Ok(offset) => offset,
            Err(error) => faults.fault(place, SEGMENT[5], error).map(|()| None)?,
        };
        budget.spend(length)?;
        Ok(Some(SegmentRow { name, permissions, preferred_load_address, vm_size, file_size, file_offset }))
    }

    /// The position of element `index` of `array`.
    #[inline(always)]
    fn element(&self, array: References<'_>, index: usize) -> Result<usize> {
        self.follow(array.offset().wrapping_add(index.wrapping_mul(self.words.reference_width())))
    }

    /// The position of the object that the reference at `at` names.
    #[inline(always)]
    fn follow(&self, at: usize) -> Result<usize> {
        match self.words.follow(at) {
            Some(position) => Ok(position),
            None => self.lost(at),
        }
    }

    /// Says what is wrong with the reference at `at`.
    #[cold]
    fn lost(&self, at: usize) -> Result<usize> {
        let count = u64::from(self.view.object_count());
        match self.view.number(at, self.view.reference_width()) {
            Some(reference) if reference < count => self.view.position_of_width(reference, self.view.offset_width()),
            found => Err(Error::plist(
                at,
                format!("a reference below {count}, the number of objects"),
                found.map_or_else(|| "nothing".to_owned(), |reference| reference.to_string()),
            )),
        }
    }

    /// The position of the value in `slot`, or `None` where the key is absent.
    #[inline(always)]
    fn value(&self, located: &Located, slot: usize) -> Result<Option<usize>> {
        let index = located.slots[slot];
        if index == NONE {
            return Ok(None);
        }
        self.follow(located.values.wrapping_add((index as usize).wrapping_mul(self.words.reference_width()))).map(Some)
    }

    #[inline(always)]
    fn address(&self, at: usize) -> Result<u64> {
        match self.words.integer(at) {
            Some((bits, _)) => Ok(bits),
            None => self.wide(at, ADDRESS, |integer| integer.bits()),
        }
    }

    #[inline(always)]
    fn size(&self, at: usize) -> Result<u64> {
        match self.words.integer(at) {
            Some((bits, false)) => Ok(bits),
            _ => self.wide(at, SIZE, |integer| integer.unsigned()),
        }
    }

    #[inline(always)]
    fn protection(&self, at: usize) -> Result<u8> {
        match self.words.integer(at) {
            Some((bits @ 0..=0xff, false)) => Ok(bits as u8),
            _ => self.wide(at, PROTECTION, |integer| integer.unsigned().and_then(|bits| u8::try_from(bits).ok())),
        }
    }

    /// Integers that the fast way does not take, and faults.
    #[cold]
    fn wide<T>(&self, at: usize, expected: &'static str, take: fn(crate::bplist::Integer) -> Option<T>) -> Result<T> {
        let object = self.view.object_at(at)?;
        let value = if let Object::Integer(integer) = object { take(integer) } else { None };
        value.ok_or_else(|| Error::schema(expected, describe(&object)).at_offset(at))
    }

    #[inline(always)]
    fn uuid(&self, at: usize) -> Result<[u8; 16]> {
        match self.words.data16(at) {
            Some(uuid) => Ok(uuid),
            None => self.other_uuid(at),
        }
    }

    #[cold]
    fn other_uuid(&self, at: usize) -> Result<[u8; 16]> {
        match self.view.object_at(at)? {
            Object::Data(data) if data.len() == 16 => Ok(data.try_into().unwrap_or_default()),
            other => Err(Error::schema("data of 16 bytes", describe(&other)).at_offset(at)),
        }
    }

    /// The position of a string, and the bytes of its payload.
    #[inline(always)]
    fn string(&self, at: usize) -> Result<(u32, usize)> {
        match self.words.short_ascii(at) {
            Some(length) => Ok((at as u32, length)),
            None => self.other_string(at),
        }
    }

    fn other_string(&self, at: usize) -> Result<(u32, usize)> {
        let object = self.view.object_at(at)?;
        match object.text() {
            Some(text) => Ok((at as u32, text.payload().len())),
            None => Err(Error::schema(STRING, describe(&object)).at_offset(at)),
        }
    }

    #[inline(always)]
    fn array(&self, at: usize) -> Result<u32> {
        match self.view.object_at(at)? {
            Object::Array(_) => Ok(at as u32),
            other => Err(Error::schema("array", describe(&other)).at_offset(at)),
        }
    }
}

/// Finds the known keys of the dictionary at `position`. The outer error is a limit; the inner one a fault of the record.
#[inline(always)]
fn locate<'a, const OFFSET: usize, const REFERENCE: usize>(
    walker: &mut Walker<'a, OFFSET, REFERENCE>,
    position: usize,
    known: &[&str; 6],
    shape: for<'w> fn(&'w mut Walker<'a, OFFSET, REFERENCE>) -> &'w mut Shape<'a>,
    budget: &mut Budget,
) -> Result<Result<Located>> {
    let view = walker.view;
    let width = walker.words.reference_width();
    let (keys, count) = match walker.words.short_dictionary(position) {
        Some(count) => (position + 1, count),
        None => match view.object_at(position) {
            Ok(Object::Dictionary(pairs)) => (pairs.keys.offset(), pairs.len()),
            Ok(other) => return Ok(Err(Error::schema("dictionary", describe(&other)).at_offset(position))),
            Err(error) => return Ok(Err(error)),
        },
    };
    budget.spend(1 + count)?;
    let values = keys.wrapping_add(count.wrapping_mul(width));
    let references = view.data().get(keys..values).unwrap_or_default();
    let shape = shape(walker);
    if same(shape.references, references) && count != 0 {
        return Ok(Ok(Located { values, slots: shape.slots }));
    }
    match find_slots(view, keys, count, width, known) {
        Ok(slots) => {
            *shape = Shape { references, slots };
            Ok(Ok(Located { values, slots }))
        }
        Err(error) => Ok(Err(error)),
    }
}

/// Whether two runs of references are the same. They are a few bytes long, for which calling out to compare costs more than
/// comparing.
#[inline(always)]
fn same(known: &[u8], found: &[u8]) -> bool {
    if known.len() != found.len() {
        return false;
    }
    if let (Some((a, rest_a)), Some((b, rest_b))) = (known.split_first_chunk::<8>(), found.split_first_chunk::<8>()) {
        if rest_a.len() <= 8 {
            // Two overlapping words cover 9 to 16 bytes.
            return a == b && known.last_chunk::<8>() == found.last_chunk::<8>();
        }
        return a == b && rest_a == rest_b;
    }
    known == found
}

#[cold]
fn find_slots(view: View<'_>, keys: usize, count: usize, width: usize, known: &[&str; 6]) -> Result<[u32; 6]> {
    let mut slots = [NONE; 6];
    for index in 0..count {
        let at = keys + index * width;
        let reference = view.number(at, width).unwrap_or(u64::MAX);
        let key = view.object_at(view.position_of_width(reference, view.offset_width())?)?;
        for (slot, name) in slots.iter_mut().zip(known) {
            // The first of a repeated key wins.
            if *slot == NONE && key.is_text(name) {
                *slot = index as u32;
            }
        }
    }
    Ok(slots)
}
