//! One pass over every image of a list and its segments.

use crate::schema::{ImageRow, ImageVisitor, SegmentRow};

use super::columns::Row;
use super::image_set::ImageSet;

/// Sees every image of a list, each before its segments.
pub trait ListVisitor {
    /// Image `index` of the list.
    fn image(&mut self, index: usize);
    /// The next segment of that image, as it stands in its record.
    fn segment(&mut self, row: &SegmentRow);
}

/// Puts the images of the cache between those of the process, where the list has them.
struct ListWalk<'a, V> {
    set: &'a ImageSet,
    /// The next image of the list.
    next: usize,
    visitor: &'a mut V,
}

impl<V: ListVisitor> ListWalk<'_, V> {
    #[inline(always)]
    fn take_cache(&mut self) {
        while self.next < self.set.columns().len() && matches!(self.set.columns().row(self.next), Row::Cache(_)) {
            self.visitor.image(self.next);
            for segment in self.set.cache_segments(self.next) {
                self.visitor.segment(&segment.into());
            }
            self.next += 1;
        }
    }
}

impl<V: ListVisitor> ImageVisitor for ListWalk<'_, V> {
    #[inline(always)]
    fn image(&mut self, _: u32, _: &ImageRow) {
        self.take_cache();
        self.visitor.image(self.next);
        self.next += 1;
    }

    #[inline(always)]
    fn segment(&mut self, _: u32, row: &SegmentRow) {
        self.visitor.segment(row);
    }
}

impl ImageSet {
    /// Shows every image and its segments to `visitor`, in the order of the list, in one pass over both records.
    pub fn walk(&self, visitor: &mut impl ListVisitor) {
        let mut walk = ListWalk { set: self, next: 0, visitor };
        if let Some(own) = self.own() {
            own.walk(&mut walk);
        }
        walk.take_cache();
    }
}
