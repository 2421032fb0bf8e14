//! The common shapes of objects, each read with one or two loads.
//!
//! `None` never means a fault here: it means that the general reader of `bplist` must look, and say what is wrong, if
//! anything is. So the checks are few and cheap, and the messages are in one place.

use crate::bplist::View;

/// A property list whose widths are known at compile time (0: only at run time).
#[derive(Clone, Copy)]
pub(super) struct Words<'a, const OFFSET: usize, const REFERENCE: usize> {
    /// The object area and the eight bytes after it, which the offset table and the trailer always provide: so whatever
    /// begins in the area can be loaded as a whole word.
    area: &'a [u8],
    /// The offset table and the trailer.
    table: &'a [u8],
    count: u64,
    end: usize,
    offset_width: usize,
    reference_width: usize,
}

/// Where the object area begins.
const START: usize = 8;

impl<'a, const OFFSET: usize, const REFERENCE: usize> Words<'a, OFFSET, REFERENCE> {
    pub(super) fn new(view: View<'a>) -> Self {
        let (data, end) = (view.data(), view.area_end());
        Self {
            area: data.get(..end + 8).unwrap_or_default(),
            table: data.get(end..).unwrap_or_default(),
            count: view.object_count().into(),
            end,
            offset_width: view.offset_width(),
            reference_width: view.reference_width(),
        }
    }

    /// Bytes of a reference.
    #[inline(always)]
    pub(super) const fn reference_width(&self) -> usize {
        if REFERENCE == 0 { self.reference_width } else { REFERENCE }
    }

    /// The eight bytes at `at`, of which the first lies in the object area.
    #[inline(always)]
    fn word(&self, at: usize) -> Option<u64> {
        self.area.get(at..)?.first_chunk().map(|word| u64::from_be_bytes(*word))
    }

    /// The position of the object that the reference at `at` names.
    #[inline(always)]
    pub(super) fn follow(&self, at: usize) -> Option<usize> {
        let reference = self.word(at)? >> (64 - 8 * self.reference_width() as u32);
        if reference >= self.count {
            return None;
        }
        let width = if OFFSET == 0 { self.offset_width } else { OFFSET };
        let entry = self.table.get((reference as usize).wrapping_mul(width)..)?.first_chunk()?;
        let position = (u64::from_be_bytes(*entry) >> (64 - 8 * width as u32)) as usize;
        (position.wrapping_sub(START) < self.end.wrapping_sub(START)).then_some(position)
    }

    /// An integer of up to eight bytes: its bits, and whether it is negative.
    #[inline(always)]
    pub(super) fn integer(&self, at: usize) -> Option<(u64, bool)> {
        let word = self.word(at)?;
        let marker = word >> 56;
        match marker {
            // The marker and up to four bytes are in the word.
            0x10..=0x12 => {
                let width = 1_u32 << (marker & 3);
                let bits = (word << 8) >> (64 - 8 * width);
                (at.wrapping_add(1 + width as usize) <= self.end).then_some((bits, false))
            }
            0x13 if at.wrapping_add(9) <= self.end => {
                let bits = self.word(at.wrapping_add(1))?;
                Some((bits, bits.cast_signed() < 0))
            }
            _ => None,
        }
    }

    /// Data of 16 bytes.
    #[inline(always)]
    pub(super) fn data16(&self, at: usize) -> Option<[u8; 16]> {
        // The marker 4f, then the count as an integer of one byte.
        if self.word(at)? >> 40 != 0x4f_10_10 || at.wrapping_add(19) > self.end {
            return None;
        }
        self.area.get(at.wrapping_add(3)..)?.first_chunk().copied()
    }

    /// The bytes of a string whose length takes at most two bytes.
    #[inline(always)]
    pub(super) fn text(&self, at: usize) -> Option<usize> {
        let word = self.word(at)?;
        let (head, length) = match (word >> 56 & 0x0f, word >> 48 & 0xff) {
            (0x0f, 0x10) => (3, (word >> 40 & 0xff) as usize),
            (0x0f, 0x11) => (4, (word >> 32 & 0xffff) as usize),
            (0x0f, _) => return None,
            (length, _) => (1, length as usize),
        };
        let bytes = match word >> 60 {
            5 => length,
            6 => 2 * length,
            _ => return None,
        };
        (at.wrapping_add(head + bytes) <= self.end).then_some(bytes)
    }

    /// Whether this is an array whose number of elements is in the marker.
    #[inline(always)]
    pub(super) fn is_short_array(&self, at: usize) -> bool {
        let marker = self.area.get(at).copied().unwrap_or_default();
        let count = usize::from(marker & 0x0f);
        marker >> 4 == 0xa && count < 15 && at.wrapping_add(1 + count * self.reference_width()) <= self.end
    }

    /// The number of pairs of a dictionary whose number is in the marker.
    #[inline(always)]
    pub(super) fn short_dictionary(&self, at: usize) -> Option<usize> {
        let marker = *self.area.get(at)?;
        let count = usize::from(marker & 0x0f);
        let end = at.wrapping_add(1 + 2 * count * self.reference_width());
        (marker >> 4 == 0xd && count < 15 && end <= self.end).then_some(count)
    }
}
