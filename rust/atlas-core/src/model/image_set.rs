//! A list of images: of a snapshot, or of a whole cache.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use crate::address::{PreferredAddress, Slide};
use crate::bplist::Text;
use crate::bytes::Bytes;
use crate::cache::{CacheSegment, KnownCache, LINKEDIT, RecordOrigin};
use crate::schema::{ImageTable, SegmentRow, UnknownOfImage};

use super::columns::{CacheSide, ImageColumns, Row, SegmentColumns, used_count};
use super::image::{Image, Segment};
use super::names::HashIndex;
use super::ranges::RangeIndex;
use super::shared_cache::SharedCache;

/// Images of one process, or of one cache. Nothing is made until it is asked for, and what is made is kept.
#[derive(Debug, Default)]
pub struct ImageSet {
    own: Option<ImageTable>,
    cache: Option<Arc<SharedCache>>,
    bitmap: Option<Bytes>,
    pointer_size: u64,
    columns: OnceLock<Arc<ImageColumns>>,
    ranges: OnceLock<RangeIndex>,
    by_uuid: OnceLock<Vec<u32>>,
    by_name: OnceLock<HashIndex>,
    /// Unslid address and image, ascending, of those of the cache.
    by_cache_address: OnceLock<Vec<(u64, u32)>>,
    companion: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// What lies at an address.
#[derive(Debug, Clone)]
pub struct Location {
    /// The image.
    pub image: Image,
    /// The segment of the image.
    pub segment: Option<Segment>,
    /// Bytes from the image's address.
    pub offset: u64,
}

/// The bits of the images that are left: a bit of the process means an image of the record as it was written, those
/// that a lenient reading dropped included.
fn bits_of_kept(known: &KnownCache, bitmap: Bytes) -> Bytes {
    let Some(kept) = known.kept() else { return bitmap };
    let bit = |&place: &u32| bitmap.get(place as usize / 8).map_or(0, |byte| byte >> (place % 8) & 1);
    let byte = |places: &[u32]| places.iter().rev().fold(0, |byte, place| byte << 1 | bit(place));
    kept.chunks(8).map(byte).collect::<Vec<u8>>().into()
}

/// Whether segment `index` is the `__PAGEZERO` of its image: the first of its segments, without access and without
/// bytes in the file, that keeps the addresses from 0 on free. A header is never in there.
fn is_page_zero(images: &ImageColumns, segments: &SegmentColumns, index: usize) -> bool {
    let image = segments.image_index.get(index).copied();
    let address = segments.address.get(index).copied();
    let place = image.and_then(|image| usize::try_from(image).ok()).unwrap_or(usize::MAX);
    let is_first = index.checked_sub(1).is_none_or(|before| segments.image_index.get(before).copied() != image);
    is_first
        && segments.permissions.get(index) == Some(&0)
        && segments.file_size.get(index) == Some(&0)
        && address == Some(images.slide(place))
        && address != images.address.get(place).copied()
}

impl ImageSet {
    /// The images of a process: its own, and those of its cache that `bitmap` names.
    pub(super) fn of_process(own: ImageTable, cache: Option<(Arc<SharedCache>, Bytes)>, pointer_size: u64) -> Self {
        let cache = cache.map(|(cache, bitmap)| {
            let bitmap = bits_of_kept(cache.known(), bitmap);
            (cache, bitmap)
        });
        let (cache, bitmap) = cache.unzip();
        Self { own: Some(own), cache, bitmap, pointer_size, ..Self::default() }
    }

    /// Every image of a cache.
    #[must_use]
    pub fn of_cache(cache: Arc<SharedCache>) -> Self {
        Self { pointer_size: cache.pointer_size(), cache: Some(cache), ..Self::default() }
    }

    /// How many images there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let own = self.own.as_ref().map_or(0, |own| own.len() as usize);
        let cache = self
            .cache
            .as_ref()
            .map_or(0, |cache| used_count(self.bitmap.as_deref(), cache.known().image_count() as usize));
        own + cache
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cache whose images are in the list.
    #[must_use]
    pub const fn cache(&self) -> Option<&Arc<SharedCache>> {
        self.cache.as_ref()
    }

    /// Bytes of a pointer in the process.
    #[must_use]
    pub const fn pointer_size(&self) -> u64 {
        self.pointer_size
    }

    fn cache_side(&self) -> Option<CacheSide<'_>> {
        self.cache.as_ref().map(|cache| CacheSide {
            columns: cache.known().columns(),
            bitmap: self.bitmap.as_deref(),
            slide: cache.slide(),
        })
    }

    /// Lets a layer above keep something with the list, such as the files of its images. The first value stays; it must
    /// not own this list, or neither is ever freed.
    pub fn keep_companion<T: Any + Send + Sync>(&self, companion: T) {
        let _ = self.companion.set(Box::new(companion));
    }

    /// What is kept with the list.
    pub fn kept_companion<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.companion.get()?.downcast_ref()
    }

    /// The record of the process.
    pub(super) const fn own(&self) -> Option<&ImageTable> {
        self.own.as_ref()
    }

    /// The slide of own images that have a preferred address only; there is none without a cache.
    fn own_slide(&self) -> Slide {
        self.cache.as_ref().map_or(Slide(0), |cache| cache.slide())
    }

    /// The images as arrays; made on the first call and kept.
    pub fn columns(&self) -> &Arc<ImageColumns> {
        self.columns
            .get_or_init(|| Arc::new(ImageColumns::build(self.own.as_ref(), self.own_slide(), self.cache_side())))
    }

    /// The segments as arrays, made anew on each call.
    #[must_use]
    pub fn segment_columns(&self) -> SegmentColumns {
        SegmentColumns::build(self.columns(), self.own.as_ref(), self.cache_side())
    }

    /// Image `index`, or `None` past the end.
    #[must_use]
    pub fn get(self: &Arc<Self>, index: usize) -> Option<Image> {
        (index < self.columns().len()).then(|| Image::new(Arc::clone(self), index as u32))
    }

    /// The segments of image `index`: those of a cache are at hand, those of the process are read from its record.
    pub(super) fn segment_rows(&self, index: usize) -> impl Iterator<Item = SegmentRow> + use<'_> {
        let own = self.own_segments(index).into_iter().flat_map(|(table, position)| table.segments_at(position));
        self.cache_segments(index).iter().map(SegmentRow::from).chain(own)
    }

    /// How many they are.
    pub(super) fn segment_count(&self, index: usize) -> usize {
        let own = self.own_segments(index).map_or(0, |(table, position)| table.segment_count_at(position));
        self.cache_segments(index).len() + own
    }

    fn own_segments(&self, index: usize) -> Option<(&ImageTable, u32)> {
        let position = self.columns().place(index).segments;
        self.own.as_ref().filter(|_| position != 0).map(|own| (own, position))
    }

    pub(super) fn cache_segments(&self, index: usize) -> &[CacheSegment] {
        match (self.columns().row(index), &self.cache) {
            (Row::Cache(index), Some(cache)) => cache.known().columns().segments_of(index as usize),
            _ => &[],
        }
    }

    /// The index of image `index` in the record of the cache; `None` where it stands in the record of the process.
    #[must_use]
    pub fn cache_index(&self, index: usize) -> Option<u32> {
        match self.columns().row(index) {
            Row::Cache(index) if self.cache.is_some() => Some(index),
            _ => None,
        }
    }

    /// The keys of image `index` and its segments that are not read here, by references in the property list of the
    /// record that it stands in: that of the cache where [`Self::cache_index`] says so. `None` where no image of that
    /// record has any.
    #[must_use]
    pub fn unknown(&self, index: usize) -> Option<UnknownOfImage> {
        match (self.columns().row(index), &self.cache) {
            (Row::Own(index), _) => self.own.as_ref()?.unknown(index),
            (Row::Cache(index), Some(cache)) => cache.known().record()?.images.unknown(index),
            _ => None,
        }
    }

    /// Whether image `index` lies in the cache: there is one, and the image has only a preferred address, whichever
    /// record it stands in. An image with an address of its own does not move with the cache, and is none of it for
    /// dyld's reader.
    #[must_use]
    pub fn is_in_cache(&self, index: usize) -> bool {
        self.cache.is_some() && self.columns().only_preferred(index)
    }

    /// The string at a position that a row of image `index` names; `None` for 0.
    #[must_use]
    pub fn text_of(&self, index: usize, position: u32) -> Option<Text<'_>> {
        match self.columns().row(index) {
            Row::Own(_) => self.own.as_ref()?.text(position),
            Row::Cache(_) => self.cache.as_ref()?.known().text(position),
        }
    }

    /// Install name of image `index`.
    #[must_use]
    pub fn install_name(&self, index: usize) -> Option<Text<'_>> {
        self.text_of(index, self.columns().place(index).install_name)
    }

    /// File path of image `index`.
    #[must_use]
    pub fn file_path(&self, index: usize) -> Option<Text<'_>> {
        self.text_of(index, self.columns().place(index).file_path)
    }

    /// Name of segment `segment` of `columns`, which this list made.
    #[must_use]
    pub fn segment_name(&self, columns: &SegmentColumns, segment: usize) -> Option<Text<'_>> {
        let image = usize::try_from(columns.image_index.get(segment).copied()?).ok()?;
        self.text_of(image, columns.name.get(segment).copied()?)
    }

    /// The index from addresses to images; made on the first call and kept.
    pub fn ranges(&self) -> &RangeIndex {
        self.ranges.get_or_init(|| self.build_ranges())
    }

    fn build_ranges(&self) -> RangeIndex {
        let images = self.columns();
        let segments = self.segment_columns();
        let shared = self.cache.as_ref().map_or(&[][..], |cache| cache.known().shared_linkedit());
        let own_shared = self.own_shared_linkedit(&segments);
        let mut ranges = Vec::with_capacity(segments.len());
        let rows = segments.image_index.iter().zip(&segments.address).zip(&segments.vm_size);
        for (index, ((&image, &address), &size)) in rows.enumerate() {
            let image = image as usize;
            let is_nobodys = match images.row(image) {
                Row::Cache(_) => {
                    let unslid = address.wrapping_sub(images.slide(image));
                    shared.binary_search(&(unslid, size)).is_ok() && self.is_linkedit(&segments, index)
                }
                Row::Own(_) => {
                    is_page_zero(images, &segments, index)
                        || own_shared.binary_search(&(address, size)).is_ok() && self.is_linkedit(&segments, index)
                }
            };
            if !is_nobodys {
                ranges.push((address, size, image as u32));
            }
        }
        ranges.extend(self.texts_of_missing_files());
        RangeIndex::build(ranges)
    }

    fn is_linkedit(&self, segments: &SegmentColumns, index: usize) -> bool {
        self.segment_name(segments, index).is_some_and(|name| name.is(LINKEDIT))
    }

    /// Address and size of each `__LINKEDIT` that two own images at different addresses have in common, ascending. Only
    /// images of a cache do, which a record made of a core file lists as the process's own.
    fn own_shared_linkedit(&self, segments: &SegmentColumns) -> Vec<(u64, u64)> {
        let images = self.columns();
        let rows = segments.image_index.iter().zip(&segments.address).zip(&segments.vm_size).enumerate();
        let own = rows.filter(|&(index, ((&image, _), _))| {
            matches!(images.row(image as usize), Row::Own(_)) && self.is_linkedit(segments, index)
        });
        let header = |image: i32| images.address.get(image as usize).copied();
        let mut found: Vec<_> = own.map(|(_, ((&image, &address), &size))| (address, size, header(image))).collect();
        found.sort_unstable();
        found.dedup();
        let mut shared: Vec<_> = found
            .windows(2)
            .filter_map(|pair| match pair {
                [(address, size, _), (other, of, _)] if (address, size) == (other, of) => Some((*address, *size)),
                _ => None,
            })
            .collect();
        shared.dedup();
        shared
    }

    /// Where the tables of the cache say that the texts of images lie whose segments stand in files that are missing.
    fn texts_of_missing_files(&self) -> impl Iterator<Item = (u64, u64, u32)> + '_ {
        let images = self.columns();
        // Only whoever reads the files themselves can lack some.
        let cache = self.cache.as_ref().filter(|cache| cache.known().origin() == RecordOrigin::Scavenged);
        let rows = cache.map_or(0..0, |_| 0..images.len());
        rows.filter(|&image| matches!(images.row(image), Row::Cache(_)) && self.cache_segments(image).is_empty())
            .filter_map(|image| {
                let start = images.address.get(image).copied()?;
                let size = images.vm_end.get(image)?.checked_sub(start)?;
                Some((start, size, image as u32))
            })
    }

    /// The image one of whose segments holds `address`; see [`RangeIndex::build`] for segments that overlap. The
    /// `__LINKEDIT` that images of the cache have in common is nobody's, and nor is the `__PAGEZERO` of an executable:
    /// nothing is there.
    #[must_use]
    pub fn at(&self, address: u64) -> Option<u32> {
        self.ranges().at(address)
    }

    /// What lies at `address`.
    #[must_use]
    pub fn resolve(self: &Arc<Self>, address: u64) -> Option<Location> {
        let image = self.get(self.at(address)? as usize)?;
        // As in the index, a segment that would pass 2^64 ends there.
        let holds =
            |segment: &Segment| address.checked_sub(segment.address().0).is_some_and(|at| at < segment.vm_size());
        let segment = image.segments().find(holds);
        let offset = address.wrapping_sub(image.address().0);
        Some(Location { image, segment, offset })
    }

    /// The first image whose UUID is `uuid`.
    #[must_use]
    pub fn by_uuid(&self, uuid: Uuid) -> Option<u32> {
        let columns = self.columns();
        let key = |image: u32| columns.uuid.get(image as usize).copied().unwrap_or_default();
        let sorted = self.by_uuid.get_or_init(|| {
            let mut images: Vec<u32> =
                (0..columns.len() as u32).filter(|&image| columns.has_uuid(image as usize)).collect();
            images.sort_by_key(|&image| key(image));
            images
        });
        let place = sorted.partition_point(|&image| key(image) < *uuid.as_bytes());
        sorted.get(place).copied().filter(|&image| key(image) == *uuid.as_bytes())
    }

    /// The first image of that name: its whole install name or file path, or the last component of either. Where the
    /// files of the cache are at hand, also by the other paths that it knows an image by.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<u32> {
        let index = self.by_name.get_or_init(|| {
            let count = self.columns().len();
            let mut index = HashIndex::new(2 * count);
            for image in 0..count {
                for text in [self.install_name(image), self.file_path(image)].into_iter().flatten() {
                    index.add(text, image as u32);
                    index.add(text.leaf(), image as u32);
                }
            }
            index.finish();
            index
        });
        let found = index.candidates(name).find(|&image| {
            let names = [self.install_name(image as usize), self.file_path(image as usize)];
            names.into_iter().flatten().any(|text| text.is(name) || text.leaf().is(name))
        });
        found.or_else(|| self.by_alias(name))
    }

    /// The image of the cache that has `path` as another path.
    fn by_alias(&self, path: &str) -> Option<u32> {
        self.by_cache_address(self.cache.as_ref()?.alias(path)?)
    }

    /// The first image of the cache's record at the unslid `address`.
    #[must_use]
    pub fn by_cache_address(&self, address: PreferredAddress) -> Option<u32> {
        let columns = self.columns();
        let sorted = self.by_cache_address.get_or_init(|| {
            let rows = columns.preferred_load_address.iter().copied().zip(0..);
            let mut rows: Vec<_> = rows.filter(|(_, image)| self.cache_index(*image as usize).is_some()).collect();
            rows.sort_unstable();
            rows
        });
        let place = sorted.partition_point(|(other, _)| *other < address.0);
        sorted.get(place).filter(|(found, _)| *found == address.0).map(|(_, image)| *image)
    }
}
