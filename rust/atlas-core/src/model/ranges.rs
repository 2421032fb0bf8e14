//! From addresses to images: disjoint ranges in ascending order, searched without branches.

/// No image.
const NONE: i32 = -1;

/// How many addresses are searched side by side: enough to keep the loads of a search in flight.
const LANES: usize = 8;

/// Disjoint ranges of addresses, each of one image.
#[derive(Debug, Default)]
pub struct RangeIndex {
    /// Ascending; padded with the highest address to a power of two, so that a search needs no test of bounds.
    starts: Vec<u64>,
    /// The last address of each range, which belongs to it: so a range can reach the end of the address space.
    lasts: Vec<u64>,
    images: Vec<i32>,
}

/// The sweep over ranges in the order of their starts.
#[derive(Default)]
struct Sweep {
    index: RangeIndex,
    /// Ends and images of ranges that began and may still own addresses; the top owns those from `position` on.
    open: Vec<(u128, u32)>,
    position: u128,
}

impl Sweep {
    /// Gives out addresses up to `limit`.
    fn advance(&mut self, limit: u128) {
        while let Some(&(end, image)) = self.open.last() {
            self.give(end.min(limit), image);
            if end > limit {
                break;
            }
            self.open.pop();
        }
        self.position = limit;
    }

    /// Gives the addresses from `position` to `end` to `image`, joined to the range before where that is the same
    /// image's.
    fn give(&mut self, end: u128, image: u32) {
        if self.position >= end {
            return;
        }
        let (start, last, image) = (self.position as u64, (end - 1) as u64, image as i32);
        self.position = end;
        let RangeIndex { starts, lasts, images } = &mut self.index;
        if let (Some(before), Some(&owner)) = (lasts.last_mut(), images.last())
            && owner == image
            && before.checked_add(1) == Some(start)
        {
            *before = last;
            return;
        }
        starts.push(start);
        lasts.push(last);
        images.push(image);
    }
}

impl RangeIndex {
    /// Makes the index of (start, size, image) triples in the order of the list.
    ///
    /// Where ranges overlap, which only a damaged record does, the one that starts later owns the overlap, and of two
    /// that start together the one that comes first in the list. A range that would pass 2^64 ends there.
    #[must_use]
    pub fn build(mut ranges: Vec<(u64, u64, u32)>) -> Self {
        ranges.retain(|&(_, size, _)| size != 0);
        // A stable sort of the reversed list: of equal starts the first in the list comes last, and so ends up on top.
        ranges.reverse();
        ranges.sort_by_key(|&(start, _, _)| start);
        let mut sweep = Sweep::default();
        for (start, size, image) in ranges {
            let start = u128::from(start);
            sweep.advance(start);
            sweep.open.push(((start + u128::from(size)).min(1 << 64), image));
        }
        sweep.advance(1 << 64);
        let mut index = sweep.index;
        index.lasts.shrink_to_fit();
        index.images.shrink_to_fit();
        index.starts.resize(index.lasts.len().next_power_of_two(), u64::MAX);
        index.starts.shrink_to_fit();
        index
    }

    /// How many ranges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lasts.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lasts.is_empty()
    }

    /// The image at `address`.
    #[must_use]
    #[inline]
    pub fn at(&self, address: u64) -> Option<u32> {
        u32::try_from(self.owner(self.last_start(address), address)).ok()
    }

    /// The image at each address, -1 where there is none. `out` is as long as `addresses`.
    pub fn lookup(&self, addresses: &[u64], out: &mut [i32]) {
        /// Long enough for the test of order to cost nothing.
        const BLOCK: usize = 1024;
        if self.is_empty() {
            out.fill(NONE);
            return;
        }
        for (addresses, out) in addresses.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            if addresses.is_sorted() {
                self.lookup_sorted(addresses, out);
            } else {
                self.lookup_any(addresses, out);
            }
        }
    }

    fn lookup_any(&self, addresses: &[u64], out: &mut [i32]) {
        let (groups, rest) = addresses.as_chunks::<LANES>();
        let (out_groups, out_rest) = out.as_chunks_mut::<LANES>();
        let starts = self.starts.as_slice();
        let mask = starts.len() - 1;
        for (group, out) in groups.iter().zip(out_groups) {
            let mut base = [0_usize; LANES];
            let mut step = starts.len() / 2;
            while step > 0 {
                for lane in 0..LANES {
                    // `base` is a multiple of 2 * step: adding the step is setting a bit, and stays below the length.
                    let middle = (base[lane] | step) & mask;
                    base[lane] = core::hint::select_unpredictable(starts[middle] <= group[lane], middle, base[lane]);
                }
                step /= 2;
            }
            for lane in 0..LANES {
                out[lane] = self.owner(base[lane], group[lane]);
            }
        }
        for (address, out) in rest.iter().zip(out_rest) {
            *out = self.owner(self.last_start(*address), *address);
        }
    }

    /// Ascending addresses: one walk over the ranges between the first and the last, unless that is the longer way.
    fn lookup_sorted(&self, addresses: &[u64], out: &mut [i32]) {
        let (Some(&first), Some(&last)) = (addresses.first(), addresses.last()) else { return };
        let mut place = self.last_start(first);
        if self.last_start(last) - place > 4 * addresses.len() {
            return self.lookup_any(addresses, out);
        }
        for (address, out) in addresses.iter().zip(out) {
            while self.starts.get(place + 1).is_some_and(|start| start <= address) {
                place += 1;
            }
            *out = self.owner(place, *address);
        }
    }

    /// The last place that starts at or before `address`, or 0.
    #[inline]
    fn last_start(&self, address: u64) -> usize {
        let starts = self.starts.as_slice();
        let mask = starts.len().wrapping_sub(1);
        // What a step adds to `base`: `span`, or nothing. `base` is a multiple of all that is still to come, so that
        // adding is setting bits, and no place is past the end.
        let step =
            |place: usize, span: usize| core::hint::select_unpredictable(starts[place & mask] <= address, span, 0);
        let (mut base, mut span) = (0, starts.len());
        if span.trailing_zeros() % 2 == 1 {
            span /= 2;
            base = step(span, span);
        }
        // Each load waits for the one before; three at once take hardly longer than one, and do the work of two.
        while span > 1 {
            span /= 4;
            let (two, three) = (span << 1, (span << 1) | span);
            let low = step(base | span, span) | base;
            // As the places ascend, `high` is nothing unless `low` took its step.
            let high = step(base | two, span).wrapping_add(step(base | three, span));
            base = low.wrapping_add(high);
        }
        base
    }

    #[inline(always)]
    fn owner(&self, place: usize, address: u64) -> i32 {
        // Only the highest address finds a place in the padding; what it is in, if anything, is the last range.
        let place = place.min(self.lasts.len().wrapping_sub(1));
        match (self.starts.get(place), self.lasts.get(place), self.images.get(place)) {
            (Some(&start), Some(&last), Some(&image)) => {
                // No short-circuit: two comparisons are cheaper than a branch on random addresses.
                core::hint::select_unpredictable((start <= address) & (address <= last), image, NONE)
            }
            _ => NONE,
        }
    }
}
