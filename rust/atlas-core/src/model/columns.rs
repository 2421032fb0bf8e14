//! A list of images as arrays, merged from the record of a process and the columns of its cache in one pass.

use crate::address::Slide;
use crate::cache::{CacheColumns, CacheImage, CacheSegment, HAS_ADDRESS, HAS_PREFERRED, HAS_UUID};
use crate::schema::{ImageRow, ImageTable, ImageVisitor, SegmentRow};

/// Marks a row that comes from the cache's record.
const FROM_CACHE: u32 = 1 << 31;

/// Every image of a list; one element per image in each array.
#[derive(Debug, Default)]
pub struct ImageColumns {
    /// Where the image lies in the process.
    pub address: Vec<u64>,
    /// Where it was meant to lie; 0 where the record does not say.
    pub preferred_load_address: Vec<u64>,
    /// End of its highest segment in the process; 0 where it has none.
    pub vm_end: Vec<u64>,
    /// UUID; zeros where there is none.
    pub uuid: Vec<[u8; 16]>,
    pub(super) places: Vec<Place>,
}

/// Where the rest of an image is found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Position of the install name in the image's property list; 0 = none.
    pub(super) install_name: u32,
    /// Position of the file path.
    pub(super) file_path: u32,
    /// Position of the array of segments; only where the image stands in the record of the process.
    pub(super) segments: u32,
    /// Index in the record of the process, or with [`FROM_CACHE`] in that of the cache.
    row: u32,
    /// [`HAS_UUID`], [`HAS_ADDRESS`], [`HAS_PREFERRED`].
    flags: u8,
}

/// The record that an image stands in, and its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The record of the process.
    Own(u32),
    /// The record of the cache.
    Cache(u32),
}

/// Every segment of a list; one element per segment in each array.
#[derive(Debug, Default)]
pub struct SegmentColumns {
    /// Index of the image in the list.
    pub image_index: Vec<i32>,
    /// Where the segment lies in the process.
    pub address: Vec<u64>,
    /// Bytes in memory.
    pub vm_size: Vec<u64>,
    /// Bytes in the file.
    pub file_size: Vec<u64>,
    /// Protection: 1 read, 2 write, 4 execute.
    pub permissions: Vec<u8>,
    pub(super) name: Vec<u32>,
}

/// The used images of a cache, in their order, with the slide of the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct CacheSide<'a> {
    pub(super) columns: &'a CacheColumns,
    /// The bitmap of the process; `None`: every image.
    pub(super) bitmap: Option<&'a [u8]>,
    pub(super) slide: Slide,
}

impl<'a> CacheSide<'a> {
    /// The indices of used images, ascending. Bits past the last image are ignored, missing bits are 0.
    pub(super) fn used(self) -> impl Iterator<Item = usize> + use<'a> {
        let count = self.columns.images.len();
        let bytes = self.bitmap;
        let blocks = bytes.map_or_else(|| count.div_ceil(8), |bytes| bytes.len().min(count.div_ceil(8)));
        (0..blocks).flat_map(move |block| {
            let mut bits = bytes.map_or(0xff, |bytes| bytes.get(block).copied().unwrap_or(0));
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                // The lowest bit that is set goes.
                bits &= bits.wrapping_sub(1);
                (bit < 8).then_some(8 * block + bit as usize)
            })
            .filter(move |&index| index < count)
        })
    }

    /// How many images are used.
    pub(super) fn count(self) -> usize {
        used_count(self.bitmap, self.columns.images.len())
    }

    #[inline(always)]
    fn image(self, index: usize) -> CacheImage {
        at(&self.columns.images, index)
    }

    /// Where `image` lies in the process.
    #[inline(always)]
    fn address_of(self, image: &CacheImage) -> u64 {
        if image.flags & HAS_ADDRESS == 0 { image.address.wrapping_add(self.slide.0) } else { image.address }
    }
}

/// How many of the first `count` bits are set; all of them where there is no bitmap.
pub(super) fn used_count(bitmap: Option<&[u8]>, count: usize) -> usize {
    let Some(bitmap) = bitmap else { return count };
    let whole = bitmap.iter().take(count / 8).map(|byte| byte.count_ones() as usize).sum::<usize>();
    let last = bitmap.get(count / 8).map_or(0, |byte| byte & ((1 << (count % 8)) - 1));
    whole + last.count_ones() as usize
}

/// The end of the highest of `segments`: one by one, where a slide takes them past either end of the address space.
#[cold]
fn end_of(segments: &[CacheSegment], moved_by: u64) -> u64 {
    let end =
        |segment: &CacheSegment| segment.preferred_load_address.wrapping_add(moved_by).saturating_add(segment.vm_size);
    segments.iter().map(end).max().unwrap_or(0)
}

/// An element that is there by construction: all arrays of a table have one length.
#[inline(always)]
fn at<T: Copy + Default>(array: &[T], index: usize) -> T {
    array.get(index).copied().unwrap_or_default()
}

/// Merges own images, as the walk shows them, with those of the cache.
///
/// dyld's order: own images as they stand in the record (load order), the cache's as theirs, and whichever of the two
/// next ones has the lower address comes first; at equal addresses the cache's. It is a merge, not a sort: neither list
/// need be sorted, and the result is not where they are not.
struct Merge<'a, C: Iterator<Item = usize>> {
    cache: Option<(CacheSide<'a>, std::iter::Peekable<C>)>,
    own_slide: Slide,
    /// How far the own image was moved whose segments come next.
    moved_by: u64,
    columns: ImageColumns,
}

impl<C: Iterator<Item = usize>> Merge<'_, C> {
    #[inline(always)]
    fn take_cache_until(&mut self, address: u64) {
        let Some((side, used)) = &mut self.cache else { return };
        while let Some(&index) = used.peek() {
            let image = side.image(index);
            let own = side.address_of(&image);
            if own > address {
                return;
            }
            self.columns.push_cache(&image, own, index, side.columns);
            used.next();
        }
    }

    fn finish(mut self) -> ImageColumns {
        self.take_cache_until(u64::MAX);
        self.columns
    }
}

impl<C: Iterator<Item = usize>> ImageVisitor for Merge<'_, C> {
    #[inline(always)]
    fn image(&mut self, index: u32, row: &ImageRow) {
        let preferred = row.preferred_load_address.unwrap_or(0);
        let address = row.address.unwrap_or(preferred.wrapping_add(self.own_slide.0));
        self.take_cache_until(address);
        self.moved_by = address.wrapping_sub(preferred);
        let columns = &mut self.columns;
        columns.address.push(address);
        columns.preferred_load_address.push(preferred);
        columns.vm_end.push(0);
        columns.uuid.push(row.uuid.unwrap_or_default());
        let flags = crate::cache::flags_of(row);
        let (install_name, file_path, segments) = (row.install_name, row.file_path, row.segments);
        columns.places.push(Place { install_name, file_path, segments, row: index, flags });
    }

    #[inline(always)]
    fn segment(&mut self, _: u32, row: &SegmentRow) {
        let start = row.preferred_load_address.wrapping_add(self.moved_by);
        if let Some(end) = self.columns.vm_end.last_mut() {
            *end = (*end).max(start.saturating_add(row.vm_size));
        }
    }
}

impl ImageColumns {
    /// The merged list.
    pub(super) fn build(own: Option<&ImageTable>, own_slide: Slide, cache: Option<CacheSide<'_>>) -> Self {
        let count = own.map_or(0, |own| own.len() as usize) + cache.map_or(0, CacheSide::count);
        let mut merge = Merge {
            cache: cache.map(|side| (side, side.used().peekable())),
            own_slide,
            moved_by: 0,
            columns: Self {
                address: Vec::with_capacity(count),
                preferred_load_address: Vec::with_capacity(count),
                vm_end: Vec::with_capacity(count),
                uuid: Vec::with_capacity(count),
                places: Vec::with_capacity(count),
            },
        };
        if let Some(own) = own {
            own.walk(&mut merge);
        }
        merge.finish()
    }

    #[inline(always)]
    fn push_cache(&mut self, image: &CacheImage, address: u64, index: usize, from: &CacheColumns) {
        let moved_by = address.wrapping_sub(image.preferred_load_address);
        self.address.push(address);
        self.preferred_load_address.push(image.preferred_load_address);
        let end = image.vm_end.checked_add(moved_by).filter(|_| !matches!(image.vm_end, 0 | u64::MAX));
        self.vm_end.push(end.unwrap_or_else(|| end_of(from.segments_of(index), moved_by)));
        self.uuid.push(image.uuid);
        self.places.push(Place {
            install_name: image.install_name,
            file_path: image.file_path,
            segments: 0,
            row: index as u32 | FROM_CACHE,
            flags: image.flags,
        });
    }

    /// How many images there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.address.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.address.is_empty()
    }

    /// How many images from `i` on are the same loads as those of `other` from `j` on, counted in whole blocks that are
    /// compared at the speed of memory; `None` where not even a block is, or one of its images has no UUID.
    pub(super) fn equal_run(&self, i: usize, other: &Self, j: usize) -> Option<usize> {
        const BLOCK: usize = 64;
        let equal = |skip: usize| {
            let (a, b) = (i + skip..i + skip + BLOCK, j + skip..j + skip + BLOCK);
            let same = self.address.get(a.clone())? == other.address.get(b.clone())?
                && self.uuid.get(a.clone())? == other.uuid.get(b.clone())?;
            let has_uuids = |places: &[Place]| places.iter().all(|place| place.flags & HAS_UUID != 0);
            (same && has_uuids(self.places.get(a)?) && has_uuids(other.places.get(b)?)).then_some(skip + BLOCK)
        };
        std::iter::successors(equal(0), |&skip| equal(skip)).last()
    }

    /// Where image `index` stands.
    pub(super) fn row(&self, index: usize) -> Row {
        match self.place(index).row {
            row if row & FROM_CACHE != 0 => Row::Cache(row & !FROM_CACHE),
            row => Row::Own(row),
        }
    }

    /// Where the rest of image `index` is found; past the end, nowhere.
    #[inline(always)]
    pub(super) fn place(&self, index: usize) -> Place {
        at(&self.places, index)
    }

    /// Whether image `index` has a UUID.
    #[must_use]
    pub fn has_uuid(&self, index: usize) -> bool {
        self.place(index).flags & HAS_UUID != 0
    }

    /// Whether the record gives image `index` a preferred address, and no other.
    pub(super) fn only_preferred(&self, index: usize) -> bool {
        self.place(index).flags & (HAS_ADDRESS | HAS_PREFERRED) == HAS_PREFERRED
    }

    /// How far image `index` was moved.
    pub(super) fn slide(&self, index: usize) -> u64 {
        at(&self.address, index).wrapping_sub(at(&self.preferred_load_address, index))
    }
}

/// Gathers segments in the order of an image list.
struct Gather<'a> {
    images: &'a ImageColumns,
    cache: Option<CacheSide<'a>>,
    /// The next image of the list.
    next: usize,
    slide: u64,
    columns: SegmentColumns,
}

impl Gather<'_> {
    /// Takes the cache images that come next in the list.
    #[inline(always)]
    fn take_cache(&mut self) {
        while let (Row::Cache(index), Some(side)) = (self.images.row(self.next), self.cache) {
            if self.next >= self.images.len() {
                return;
            }
            let image = side.image(index as usize);
            let slide = side.address_of(&image).wrapping_sub(image.preferred_load_address);
            let segments = side.columns.segments_of(index as usize);
            let to = &mut self.columns;
            to.image_index.extend(std::iter::repeat_n(self.next as i32, segments.len()));
            to.address.extend(segments.iter().map(|segment| segment.preferred_load_address.wrapping_add(slide)));
            to.vm_size.extend(segments.iter().map(|segment| segment.vm_size));
            to.file_size.extend(segments.iter().map(|segment| segment.file_size));
            to.permissions.extend(segments.iter().map(|segment| segment.permissions));
            to.name.extend(segments.iter().map(|segment| segment.name));
            self.next += 1;
        }
    }
}

impl ImageVisitor for Gather<'_> {
    #[inline(always)]
    fn image(&mut self, _: u32, _: &ImageRow) {
        self.take_cache();
        self.slide = self.images.slide(self.next);
        self.next += 1;
    }

    #[inline(always)]
    fn segment(&mut self, _: u32, row: &SegmentRow) {
        let to = &mut self.columns;
        to.image_index.push(self.next as i32 - 1);
        to.address.push(row.preferred_load_address.wrapping_add(self.slide));
        to.vm_size.push(row.vm_size);
        to.file_size.push(row.file_size);
        to.permissions.push(row.permissions);
        to.name.push(row.name);
    }
}

impl SegmentColumns {
    /// The segments of the images of `images`, in their order.
    pub(super) fn build(images: &ImageColumns, own: Option<&ImageTable>, cache: Option<CacheSide<'_>>) -> Self {
        let from_cache = cache.map_or(0, |side| side.used().map(|index| side.columns.segments_of(index).len()).sum());
        let room = from_cache + own.map_or(0, ImageTable::all_segments);
        let columns = Self {
            image_index: Vec::with_capacity(room),
            address: Vec::with_capacity(room),
            vm_size: Vec::with_capacity(room),
            file_size: Vec::with_capacity(room),
            permissions: Vec::with_capacity(room),
            name: Vec::with_capacity(room),
        };
        let mut gather = Gather { images, cache, next: 0, slide: 0, columns };
        if let Some(own) = own {
            own.walk(&mut gather);
        }
        gather.take_cache();
        gather.columns
    }

    /// How many segments there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.address.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.address.is_empty()
    }
}
