//! The hot pass over images and segments.
//!
//! A cache has 3 500 images and 20 000 segments, each a dictionary of five to seven keys, and nearly every one repeats the
//! key references of the one before: so the places of the known keys are remembered with the references they were
//! found under, and comparing those bytes replaces looking at the keys. The widths of offsets and references are
//! compile-time constants for the combinations that encoders write. Whatever is not as usual goes to `careful`.

use crate::bplist::{Object, References, View};
use crate::error::Result;

use super::budget::{self, Budget};
use super::careful::{self, Faults, IMAGE, Place, SEGMENT};
use super::rows::{ImageRow, ImageVisitor, Placing, SegmentRow};
use super::words::Words;

/// Walks the images of `array` and their segments. Returns whether one of them may have keys that are not read: a walk need not look
/// at a key more than it does anyway to know that there are none.
pub(super) fn walk(
    view: View<'_>,
    array: References<'_>,
    placing: Placing,
    faults: &mut Faults<'_>,
    budget: &mut Budget,
    visitor: &mut impl ImageVisitor,
) -> Result<bool> {
    // What dyld's encoders and plistlib write; any other combination takes the general code.
    match (view.offset_width(), view.reference_width()) {
        (1, 1) => Walker::<1, 1>::new(view, placing).walk(array, faults, budget, visitor),
        (2, 1) => Walker::<2, 1>::new(view, placing).walk(array, faults, budget, visitor),
        (2, 2) => Walker::<2, 2>::new(view, placing).walk(array, faults, budget, visitor),
        (4, 2) => Walker::<4, 2>::new(view, placing).walk(array, faults, budget, visitor),
        (4, 4) => Walker::<4, 4>::new(view, placing).walk(array, faults, budget, visitor),
        _ => Walker::<0, 0>::new(view, placing).walk(array, faults, budget, visitor),
    }
}

/// Image `index` of `array`, as a walk would show it.
pub(super) fn image(view: View<'_>, array: References<'_>, index: u32, placing: Placing) -> Option<ImageRow> {
    let position = view.position(array.get(index as usize).ok()?).ok()?;
    let mut budget = Budget::new(view.data().len());
    let place = Place { image: index, segment: None };
    careful::image(view, position, place, placing, &mut Faults::Ignore, &mut budget).ok().flatten()
}

/// The segments of the array at `position` (0: none), as a walk would show them, each with its own position.
pub(super) fn segments<'a>(view: View<'a>, position: u32) -> impl Iterator<Item = (usize, SegmentRow)> + use<'a> {
    let array = match view.object_at(position as usize) {
        Ok(Object::Array(array)) if position != 0 => Some(array),
        _ => None,
    };
    let mut walker = Walker::<0, 0>::new(view, Placing::WithCache);
    let mut budget = Budget::new(view.data().len());
    array.into_iter().flat_map(|array| array.iter()).filter_map(move |reference| {
        let position = view.position(reference.ok()?).ok()?;
        let place = Place { image: 0, segment: Some(0) };
        let row = walker.segment(position, place, &mut Faults::Ignore, &mut budget).ok().flatten()?;
        Some((position, row))
    })
}

/// The place of each known key in a dictionary, and the key references under which that is so.
#[derive(Clone, Copy)]
struct Shape<'a> {
    keys: &'a [u8],
    /// Bytes from the first key's reference to the reference of each known value; 0 where the key is absent.
    values: [usize; 6],
}

/// A row, and what reading it takes from the budget.
type Priced<T> = Option<(T, usize)>;

/// The way to the rows of one kind: the usual one, and for what is not as the one before, the careful one.
macro_rules! rows {
    ($row:ident, $unusual:ident: $Row:ty, $usual:ident, $shape:ident, $known:ident $(, $placing:ident)?) => {
        /// The row at `position`; `None` where it is dropped.
        #[inline(always)]
        fn $row(
            &mut self,
            position: usize,
            place: Place,
            faults: &mut Faults<'_>,
            budget: &mut Budget,
        ) -> Result<Option<$Row>> {
            match self.$usual(position, &self.$shape) {
                Some((row, cost)) => budget.spend(cost).map(|()| Some(row)),
                None => self.$unusual(position, place, faults, budget),
            }
        }

        /// One with other keys than the one before, or with something that the usual way does not take.
        #[cold]
        fn $unusual(
            &mut self,
            position: usize,
            place: Place,
            faults: &mut Faults<'_>,
            budget: &mut Budget,
        ) -> Result<Option<$Row>> {
            if let Some(shape) = self.shape_of(position, &$known) {
                self.$shape = shape;
            }
            match self.$usual(position, &self.$shape) {
                Some((row, cost)) => budget.spend(cost).map(|()| Some(row)),
                None => careful::$row(self.view, position, place, $(self.$placing,)? faults, budget),
            }
        }
    };
}

struct Walker<'a, const OFFSET: usize, const REFERENCE: usize> {
    view: View<'a>,
    words: Words<'a, OFFSET, REFERENCE>,
    placing: Placing,
    /// Whether a dictionary was met that may have other keys than those that are read. Keys are looked at only where they are
    /// others than before, and that is where this is found out.
    has_unknown: bool,
    image_shape: Shape<'a>,
    segment_shape: Shape<'a>,
}

impl<'a, const OFFSET: usize, const REFERENCE: usize> Walker<'a, OFFSET, REFERENCE> {
    fn new(view: View<'a>, placing: Placing) -> Self {
        const UNKNOWN: Shape<'static> = Shape { keys: &[], values: [0; 6] };
        Self {
            view,
            words: Words::new(view),
            placing,
            has_unknown: false,
            image_shape: UNKNOWN,
            segment_shape: UNKNOWN,
        }
    }

    fn walk(
        mut self,
        array: References<'a>,
        faults: &mut Faults<'_>,
        budget: &mut Budget,
        visitor: &mut impl ImageVisitor,
    ) -> Result<bool> {
        let mut kept = 0;
        for index in 0..array.len() {
            let place = Place { image: index as u32, segment: None };
            let row = match self.element(array, index) {
                Ok(position) => self.image(position, place, faults, budget)?,
                Err(error) => {
                    budget.spend(budget::IMAGE)?;
                    faults.fault(place, "", error).map(|()| None)?
                }
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
        Ok(self.has_unknown)
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
                Err(error) => {
                    budget.spend(budget::SEGMENT)?;
                    faults.fault(place, "", error).map(|()| None)?
                }
            };
            if let Some(row) = row {
                visitor.segment(kept, &row);
            }
        }
        Ok(())
    }

    /// The position of element `index` of `array`.
    #[inline(always)]
    fn element(&self, array: References<'_>, index: usize) -> Result<usize> {
        let at = array.offset().wrapping_add(index.wrapping_mul(self.words.reference_width()));
        match self.words.follow(at) {
            Some(position) => Ok(position),
            None => self.lost(array, index),
        }
    }

    /// Says what is wrong with element `index` of `array`.
    #[cold]
    fn lost(&self, array: References<'_>, index: usize) -> Result<usize> {
        self.view.position(array.get(index)?)
    }

    rows!(image, unusual_image: ImageRow, usual_image, image_shape, IMAGE, placing);
    rows!(segment, unusual_segment: SegmentRow, usual_segment, segment_shape, SEGMENT);

    /// Where the references of the dictionary at `position` begin and how many keys it has, if its keys are those of `shape`.
    #[inline(always)]
    fn keys(&self, position: usize, shape: &Shape<'a>) -> Option<(usize, usize)> {
        let count = self.words.short_dictionary(position)?;
        let keys = position.wrapping_add(1);
        let references = self.view.data().get(keys..keys.wrapping_add(count * self.words.reference_width()))?;
        (count != 0 && same(references, shape.keys)).then_some((keys, count))
    }

    /// The value of a known key: where its object stands, `None` where the key is absent, and `None` outside for a fault.
    #[inline(always)]
    fn value<T>(
        &self,
        keys: usize,
        value: usize,
        read: impl FnOnce(&Words<'a, OFFSET, REFERENCE>, usize) -> Option<T>,
    ) -> Option<Option<T>> {
        if value == 0 {
            return Some(None);
        }
        read(&self.words, self.words.follow(keys.wrapping_add(value))?).map(Some)
    }

    #[inline(always)]
    fn usual_image(&self, position: usize, shape: &Shape<'a>) -> Priced<ImageRow> {
        let (keys, count) = self.keys(position, shape)?;
        let [address, preferred, uuid, name, path, segments] = shape.values;
        let address = self.value(keys, address, |words, at| words.integer(at).map(|(bits, _)| bits))?;
        let preferred_load_address =
            self.value(keys, preferred, |words, at| words.integer(at).map(|(bits, _)| bits))?;
        if address.is_none() && (preferred_load_address.is_none() || self.placing == Placing::OwnAddress) {
            return None;
        }
        let uuid = self.value(keys, uuid, Words::data16)?;
        let text = |words: &Words<'a, OFFSET, REFERENCE>, at| words.text(at).map(|length| (at as u32, length));
        let (install_name, name_length) = self.value(keys, name, text)?.unwrap_or_default();
        let (file_path, path_length) = self.value(keys, path, text)?.unwrap_or_default();
        let segments = self.value(keys, segments, |words, at| words.is_short_array(at).then_some(at as u32))?;
        let (position, segments) = (position as u32, segments.unwrap_or_default());
        let row = ImageRow { position, address, preferred_load_address, uuid, install_name, file_path, segments };
        Some((row, budget::IMAGE + budget::KEY * count + name_length + path_length))
    }

    #[inline(always)]
    fn usual_segment(&self, position: usize, shape: &Shape<'a>) -> Priced<SegmentRow> {
        let (keys, count) = self.keys(position, shape)?;
        let [name, address, vm_size, file_size, permissions, file_offset] = shape.values;
        let size = |words: &Words<'a, OFFSET, REFERENCE>, at| {
            words.integer(at).filter(|integer| !integer.1).map(|(bits, _)| bits)
        };
        let (name, length) = self.value(keys, name, |words, at| words.text(at).map(|length| (at as u32, length)))??;
        let preferred_load_address =
            self.value(keys, address, |words, at| words.integer(at).map(|(bits, _)| bits))??;
        let vm_size = self.value(keys, vm_size, size)??;
        let file_size = self.value(keys, file_size, size)??;
        let permissions = u8::try_from(self.value(keys, permissions, size)??).ok()?;
        let file_offset = self.value(keys, file_offset, size)?;
        let row = SegmentRow { name, permissions, preferred_load_address, vm_size, file_size, file_offset };
        Some((row, budget::SEGMENT + budget::KEY * count + length))
    }

    /// The shape of the dictionary at `position`; `None` where it is none, or one that the usual way does not take.
    fn shape_of(&mut self, position: usize, known: &[&str; 6]) -> Option<Shape<'a>> {
        // Until all keys are seen to be known ones.
        let has_unknown = std::mem::replace(&mut self.has_unknown, true);
        let count = self.words.short_dictionary(position)?;
        let Ok(Object::Dictionary(pairs)) = self.view.object_at(position) else { return None };
        let slots = careful::slots(self.view, pairs, known).ok()?;
        self.has_unknown = has_unknown || slots.iter().flatten().count() < count;
        let width = self.words.reference_width();
        let values = slots.map(|slot| slot.map_or(0, |slot| (count + slot) * width));
        Some(Shape { keys: pairs.keys.raw(), values })
    }
}

/// Whether two runs of references are the same. They are a few bytes long, for which calling out to compare costs more than
/// comparing.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let ((a_words, a_rest), (b_words, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let words = a_words.iter().zip(b_words).all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b));
    words && a_rest.iter().zip(b_rest).all(|(a, b)| a == b)
}
