//! The images and segments of one cache record as arrays, made once per cache and shared by every snapshot that uses
//! it.

use crate::schema::{ImageRow, ImageTable, ImageVisitor, SegmentRow};

/// The record gives the image a UUID.
pub const HAS_UUID: u8 = 1;
/// The record gives the image an address, which no slide moves.
pub const HAS_ADDRESS: u8 = 2;
/// The record gives the image a preferred address.
pub const HAS_PREFERRED: u8 = 4;

/// Every image of a cache and its segments, unslid.
#[derive(Debug, Default)]
pub struct CacheColumns {
    /// The images.
    pub images: Vec<CacheImage>,
    /// All segments, image by image.
    pub segments: Vec<CacheSegment>,
}

/// One image, unslid. Kept as rows, not as arrays: a row is written once and read as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheImage {
    /// The image's own address where the record has one ([`HAS_ADDRESS`]), else its preferred address.
    pub address: u64,
    /// Preferred address; 0 where the record has none.
    pub preferred_load_address: u64,
    /// Unslid end of the highest segment; of its text where the file with the segments is missing; 0 where nothing is
    /// known.
    pub vm_end: u64,
    /// UUID; zeros where there is none.
    pub uuid: [u8; 16],
    /// Position of the install name in the property list; 0 = none.
    pub install_name: u32,
    /// Position of the file path.
    pub file_path: u32,
    /// The first of its segments in [`CacheColumns::segments`].
    pub first_segment: u32,
    /// [`HAS_UUID`], [`HAS_ADDRESS`], [`HAS_PREFERRED`].
    pub flags: u8,
}

/// One segment, unslid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheSegment {
    /// Unslid address.
    pub preferred_load_address: u64,
    /// Bytes in memory.
    pub vm_size: u64,
    /// Bytes in the file.
    pub file_size: u64,
    /// Offset in the file, where the record has it.
    file_offset: u64,
    /// Position of the name in the property list.
    pub name: u32,
    /// Protection bits.
    pub permissions: u8,
    /// An `Option` of the offset would take eight bytes for this.
    has_file_offset: bool,
}

impl From<&SegmentRow> for CacheSegment {
    #[inline(always)]
    fn from(row: &SegmentRow) -> Self {
        Self {
            preferred_load_address: row.preferred_load_address,
            vm_size: row.vm_size,
            file_size: row.file_size,
            file_offset: row.file_offset.unwrap_or(0),
            name: row.name,
            permissions: row.permissions,
            has_file_offset: row.file_offset.is_some(),
        }
    }
}

impl From<&CacheSegment> for SegmentRow {
    #[inline(always)]
    fn from(segment: &CacheSegment) -> Self {
        Self {
            name: segment.name,
            permissions: segment.permissions,
            preferred_load_address: segment.preferred_load_address,
            vm_size: segment.vm_size,
            file_size: segment.file_size,
            file_offset: segment.has_file_offset.then_some(segment.file_offset),
        }
    }
}

impl CacheColumns {
    /// Reads `images` in one pass.
    #[must_use]
    pub fn build(images: &ImageTable) -> Self {
        let (images_room, segments_room) = (images.len() as usize, images.all_segments());
        let mut columns = Self { images: Vec::with_capacity(images_room), segments: Vec::with_capacity(segments_room) };
        images.walk(&mut columns);
        columns
    }

    /// The segments of image `index`.
    #[must_use]
    pub fn segments_of(&self, index: usize) -> &[CacheSegment] {
        let first =
            |index: usize| self.images.get(index).map_or(self.segments.len(), |image| image.first_segment as usize);
        self.segments.get(first(index)..first(index + 1)).unwrap_or_default()
    }

    /// Bytes that the arrays hold.
    #[must_use]
    pub fn byte_length(&self) -> usize {
        self.images.capacity() * size_of::<CacheImage>() + self.segments.capacity() * size_of::<CacheSegment>()
    }
}

impl ImageVisitor for CacheColumns {
    #[inline(always)]
    fn image(&mut self, _: u32, row: &ImageRow) {
        let preferred = row.preferred_load_address.unwrap_or(0);
        self.images.push(CacheImage {
            address: row.address.unwrap_or(preferred),
            preferred_load_address: preferred,
            vm_end: 0,
            uuid: row.uuid.unwrap_or_default(),
            install_name: row.install_name,
            file_path: row.file_path,
            first_segment: self.segments.len() as u32,
            flags: flags_of(row),
        });
    }

    #[inline(always)]
    fn segment(&mut self, _: u32, row: &SegmentRow) {
        self.segments.push(row.into());
        if let Some(image) = self.images.last_mut() {
            image.vm_end = image.vm_end.max(row.preferred_load_address.saturating_add(row.vm_size));
        }
    }
}

/// What of an image the record has.
#[must_use]
#[inline(always)]
pub fn flags_of(row: &ImageRow) -> u8 {
    let flag = |present: bool, flag: u8| if present { flag } else { 0 };
    flag(row.uuid.is_some(), HAS_UUID)
        | flag(row.address.is_some(), HAS_ADDRESS)
        | flag(row.preferred_load_address.is_some(), HAS_PREFERRED)
}
