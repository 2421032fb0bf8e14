//! The images of a record and their segments: the table that finds them.

use crate::bplist::{Object, Plist, Text};
use crate::error::{Error, Result};

use super::budget::Budget;
use super::careful::{Faults, IMAGE, SEGMENT};
use super::path::Path;
use super::report::{Policy, Report};
use super::rows::{ImageRow, ImageVisitor, Placing, SegmentRow};
use super::unknown::{self, UnknownOfImage};
use super::walker;

/// For checking: counts segments, so that whoever gathers them knows how much room they take, and the images that only
/// a cache can give an address.
#[derive(Default)]
struct Counts {
    segments: usize,
    unplaced: u32,
}

impl ImageVisitor for Counts {
    #[inline(always)]
    fn image(&mut self, _: u32, row: &ImageRow) {
        self.unplaced = self.unplaced.wrapping_add(u32::from(row.address.is_none()));
    }

    #[inline(always)]
    fn segment(&mut self, _: u32, _: &SegmentRow) {
        // Each is a visit that was paid for.
        self.segments = self.segments.wrapping_add(1);
    }
}

/// Whatever the limits say: indices in the list of a process, own images and the cache's together, fit into 31 bits.
const MOST_IMAGES: u32 = 1 << 30;

/// The images of one record, checked. Holds no row: each is read again when asked for.
#[derive(Clone, Debug)]
pub struct ImageTable {
    plist: Plist,
    /// Position of the array.
    array: u32,
    /// Where images were dropped: the indices in the array of those that are left.
    kept: Option<Box<[u32]>>,
    count: u32,
    segment_count: usize,
    /// Images without an address of their own.
    unplaced: u32,
    placing: Placing,
    may_have_unknown: bool,
    lenient: bool,
}

impl ImageTable {
    /// Checks every image and segment of the array at `position`, which `path` leads to.
    pub(super) fn check(
        plist: &Plist,
        position: usize,
        path: Path<'_>,
        placing: Placing,
        policy: Policy,
        report: &mut Report,
    ) -> Result<Self> {
        let view = plist.view();
        let Object::Array(array) = view.object_at(position)? else {
            return Err(Error::schema("array", "another object").at_key(path.to_string()).at_offset(position));
        };
        let most = policy.limits.images.min(MOST_IMAGES);
        if array.len() > most as usize {
            return Err(Error::limit("images of one record", most.into(), array.len() as u64).at_key(path.to_string()));
        }
        let mut dropped = Vec::new();
        let mut budget = Budget::new(view.data().len());
        let mut faults = Faults::Report { report, path, dropped: &mut dropped };
        let mut counts = Counts::default();
        let may_have_unknown = walker::walk(view, array, placing, &mut faults, &mut budget, &mut counts)?;
        let all = array.len() as u32;
        let kept =
            (!dropped.is_empty()).then(|| (0..all).filter(|index| dropped.binary_search(index).is_err()).collect());
        Ok(Self {
            plist: plist.clone(),
            array: position as u32,
            count: all - dropped.len() as u32,
            segment_count: counts.segments,
            unplaced: counts.unplaced,
            placing,
            may_have_unknown,
            kept,
            lenient: policy.lenient,
        })
    }

    /// How many images there are.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.count
    }

    /// How many images stand in the record, those that were dropped included.
    #[must_use]
    pub fn written_len(&self) -> usize {
        match self.plist.view().object_at(self.array as usize) {
            Ok(Object::Array(array)) => array.len(),
            _ => 0,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The images that need no cache to have an address, and how many the others are. For a process whose cache turns
    /// out not to be at hand: where those others lie is not known then, whatever their preferred addresses say.
    #[must_use]
    pub fn placed(&self) -> (Self, u32) {
        if self.unplaced == 0 {
            return (self.clone(), 0);
        }
        let with_address = |&index: &u32| self.row(index).is_some_and(|row| row.address.is_some());
        let kept: Box<[u32]> = (0..self.count)
            .filter(with_address)
            .filter_map(|index| self.kept.as_ref().map_or(Some(index), |kept| kept.get(index as usize).copied()))
            .collect();
        let mut placed = Self {
            count: kept.len() as u32,
            kept: Some(kept),
            unplaced: 0,
            placing: Placing::OwnAddress,
            ..self.clone()
        };
        let mut counts = Counts::default();
        placed.walk(&mut counts);
        placed.segment_count = counts.segments;
        (placed, self.unplaced)
    }

    /// How many segments all images have together.
    #[must_use]
    pub const fn all_segments(&self) -> usize {
        self.segment_count
    }

    /// Where a lenient reading dropped images: the index that each of those that are left has in the record.
    #[must_use]
    pub fn kept(&self) -> Option<&[u32]> {
        self.kept.as_deref()
    }

    /// The property list that positions refer to.
    #[must_use]
    pub const fn plist(&self) -> &Plist {
        &self.plist
    }

    /// Shows every image and segment to `visitor`.
    pub fn walk(&self, visitor: &mut impl ImageVisitor) {
        let view = self.plist.view();
        if let Ok(Object::Array(array)) = view.object_at(self.array as usize) {
            let mut budget = Budget::new(view.data().len());
            // The check let everything pass, or dropped it; the same code drops it again.
            let walked = walker::walk(view, array, self.placing, &mut Faults::Ignore, &mut budget, visitor);
            debug_assert!(walked.is_ok(), "a checked record cannot fail");
        }
    }

    /// Image `index`, or `None` past the end.
    #[must_use]
    pub fn row(&self, index: u32) -> Option<ImageRow> {
        if index >= self.count {
            return None;
        }
        let index = self.kept.as_ref().map_or(Some(index), |kept| kept.get(index as usize).copied())?;
        let view = self.plist.view();
        let Ok(Object::Array(array)) = view.object_at(self.array as usize) else { return None };
        walker::image(view, array, index, self.placing)
    }

    /// The segments of an image of this table, in the order of the record.
    pub fn segments(&self, image: &ImageRow) -> impl Iterator<Item = SegmentRow> + use<'_> {
        self.segments_at(image.segments)
    }

    /// The segments in the array at a position that a row of this table names; none for 0.
    pub fn segments_at(&self, position: u32) -> impl Iterator<Item = SegmentRow> + use<'_> {
        walker::segments(self.plist.view(), position).map(|(_, row)| row)
    }

    /// How many segments an image of this table has.
    #[must_use]
    pub fn segment_count(&self, image: &ImageRow) -> usize {
        self.segment_count_at(image.segments)
    }

    /// How many segments there are in the array at a position that a row of this table names.
    #[must_use]
    pub fn segment_count_at(&self, position: u32) -> usize {
        if self.lenient {
            return self.segments_at(position).count();
        }
        match self.plist.view().object_at(position as usize) {
            Ok(Object::Array(array)) if position != 0 => array.len(),
            _ => 0,
        }
    }

    /// The keys of image `index` and its segments that are not read here; `None` where no image of the table has any,
    /// which costs nothing to know.
    #[must_use]
    pub fn unknown(&self, index: u32) -> Option<UnknownOfImage> {
        if !self.may_have_unknown {
            return None;
        }
        let row = self.row(index)?;
        let view = self.plist.view();
        let segments = walker::segments(view, row.segments).map(|(at, _)| unknown::at(view, at, &SEGMENT)).collect();
        Some(UnknownOfImage { image: unknown::at(view, row.position as usize, &IMAGE), segments })
    }

    /// The string at a position that a row of this table names; `None` for 0.
    #[must_use]
    pub fn text(&self, position: u32) -> Option<Text<'_>> {
        if position == 0 { None } else { self.plist.view().object_at(position as usize).ok()?.text() }
    }
}
