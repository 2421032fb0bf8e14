//! The images and segments of one cache record as arrays, made once per cache and shared by every snapshot that uses it.

use crate::schema::{ImageRow, ImageTable, ImageVisitor, SegmentRow};

/// The record gives the image a UUID.
pub const HAS_UUID: u8 = 1;
/// The record gives the image an address, which no slide moves.
pub const HAS_ADDRESS: u8 = 2;
/// The record gives the image a preferred address.
pub const HAS_PREFERRED: u8 = 4;

/// Every image of a cache, unslid. All arrays but the segments' have one element per image.
#[derive(Debug, Default)]
pub struct CacheColumns {
    /// The image's own address where the record has one ([`HAS_ADDRESS`]), else its preferred address.
    pub address: Vec<u64>,
    /// Preferred address; 0 where the record has none.
    pub preferred_load_address: Vec<u64>,
    /// Unslid end of the highest segment; `None` is written as 0 with no segment.
    pub vm_end: Vec<u64>,
    /// UUID; zeros where there is none.
    pub uuid: Vec<[u8; 16]>,
    /// [`HAS_UUID`], [`HAS_ADDRESS`], [`HAS_PREFERRED`].
    pub flags: Vec<u8>,
    /// Positions of install names in the property list; 0 = none.
    pub install_name: Vec<u32>,
    /// Positions of file paths.
    pub file_path: Vec<u32>,
    /// First segment of each image, and the count of all at the end.
    pub segment_start: Vec<u32>,
    /// All segments, image by image.
    pub segments: Vec<CacheSegment>,
}

/// One segment, unslid. Kept as rows, not as arrays: a row is written once and read as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheSegment {
    /// Unslid address.
    pub preferred_load_address: u64,
    /// Bytes in memory.
    pub vm_size: u64,
    /// Bytes in the file.
    pub file_size: u64,
    /// Position of the name in the property list.
    pub name: u32,
    /// Protection bits.
    pub permissions: u8,
}

impl CacheColumns {
    /// Reads `images` in one pass.
    #[must_use]
    pub fn build(images: &ImageTable) -> Self {
        /// Segments of a cache image, on average; only a first guess for allocating.
        const SEGMENTS: usize = 7;
        let count = images.len() as usize;
        let mut columns = Self {
            address: Vec::with_capacity(count),
            preferred_load_address: Vec::with_capacity(count),
            vm_end: Vec::with_capacity(count),
            uuid: Vec::with_capacity(count),
            flags: Vec::with_capacity(count),
            install_name: Vec::with_capacity(count),
            file_path: Vec::with_capacity(count),
            segment_start: Vec::with_capacity(count + 1),
            segments: Vec::with_capacity(count * SEGMENTS),
        };
        images.walk(&mut columns);
        columns.segment_start.push(columns.segments.len() as u32);
        columns
    }

    /// The segments of image `index`.
    #[must_use]
    pub fn segments_of(&self, index: usize) -> &[CacheSegment] {
        match self.segment_start.get(index..index + 2) {
            Some(&[start, end]) => self.segments.get(start as usize..end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Bytes that the arrays hold.
    #[must_use]
    pub fn byte_length(&self) -> usize {
        const IMAGE: usize = 3 * 8 + 16 + 1 + 3 * 4;
        self.address.capacity() * IMAGE + self.segments.capacity() * size_of::<CacheSegment>()
    }
}

impl ImageVisitor for CacheColumns {
    #[inline(always)]
    fn image(&mut self, _: u32, row: &ImageRow) {
        let preferred = row.preferred_load_address.unwrap_or(0);
        self.address.push(row.address.unwrap_or(preferred));
        self.preferred_load_address.push(preferred);
        self.vm_end.push(0);
        self.uuid.push(row.uuid.unwrap_or_default());
        self.flags.push(flags_of(row));
        self.install_name.push(row.install_name);
        self.file_path.push(row.file_path);
        self.segment_start.push(self.segments.len() as u32);
    }

    #[inline(always)]
    fn segment(&mut self, _: u32, row: &SegmentRow) {
        self.segments.push(CacheSegment {
            preferred_load_address: row.preferred_load_address,
            vm_size: row.vm_size,
            file_size: row.file_size,
            name: row.name,
            permissions: row.permissions,
        });
        if let Some(end) = self.vm_end.last_mut() {
            *end = (*end).max(row.preferred_load_address.saturating_add(row.vm_size));
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
