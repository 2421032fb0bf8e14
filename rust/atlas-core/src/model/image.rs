//! Handles of images and segments.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use uuid::Uuid;

use crate::address::{PreferredAddress, RebasedAddress, Slide};
use crate::bplist::Text;
use crate::cache::LINKEDIT;
use crate::identifier::FileIdentifier;
use crate::schema::SegmentRow;

use super::image_set::ImageSet;
use super::shared_cache::SharedCache;

/// One image of a list. Equal means the same load: the same file at the same address.
#[derive(Clone, Debug)]
pub struct Image {
    set: Arc<ImageSet>,
    index: u32,
}

/// One segment of an image, with what the record says of it.
#[derive(Clone, Debug)]
pub struct Segment {
    set: Arc<ImageSet>,
    image: u32,
    slide: Slide,
    row: SegmentRow,
}

impl Image {
    pub(super) const fn new(set: Arc<ImageSet>, index: u32) -> Self {
        Self { set, index }
    }

    /// The list that the image is of.
    #[must_use]
    pub const fn set(&self) -> &Arc<ImageSet> {
        &self.set
    }

    /// Its index in that list.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    const fn place(&self) -> usize {
        self.index as usize
    }

    fn column<T: Copy + Default>(&self, column: &[T]) -> T {
        column.get(self.place()).copied().unwrap_or_default()
    }

    /// The UUID of the Mach-O.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        let columns = self.set.columns();
        columns.has_uuid(self.place()).then(|| Uuid::from_bytes(self.column(&columns.uuid)))
    }

    /// The install name.
    #[must_use]
    pub fn install_name(&self) -> Option<Text<'_>> {
        self.set.install_name(self.place())
    }

    /// The path of the file on the machine of the process.
    #[must_use]
    pub fn file_path(&self) -> Option<Text<'_>> {
        self.set.file_path(self.place())
    }

    /// Last component of the install name, else of the path.
    #[must_use]
    pub fn name(&self) -> Option<Text<'_>> {
        self.install_name().or_else(|| self.file_path()).map(|text| text.leaf())
    }

    /// What names the file: UUID and file path, as dyld identifies it.
    #[must_use]
    pub fn identifier(&self) -> FileIdentifier {
        FileIdentifier { uuid: self.uuid(), path: self.file_path().map(|path| path.to_bytes().into()) }
    }

    /// Where the image lies in the process.
    #[must_use]
    pub fn address(&self) -> RebasedAddress {
        RebasedAddress(self.column(&self.set.columns().address))
    }

    /// Where it was meant to lie; 0 where the record does not say.
    #[must_use]
    pub fn preferred_load_address(&self) -> PreferredAddress {
        PreferredAddress(self.column(&self.set.columns().preferred_load_address))
    }

    /// How far it was moved.
    #[must_use]
    pub fn slide(&self) -> Slide {
        self.address() - self.preferred_load_address()
    }

    /// The cache that the image lies in.
    #[must_use]
    pub fn shared_cache(&self) -> Option<&Arc<SharedCache>> {
        if self.set.is_in_cache(self.place()) { self.set.cache() } else { None }
    }

    /// The segments, in the order of the record.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + use<'_> {
        let slide = self.slide();
        self.set.segment_rows(self.place()).map(move |row| Segment {
            set: Arc::clone(&self.set),
            image: self.index,
            slide,
            row,
        })
    }

    /// Bytes of memory that the segments take; of an image of a cache without `__LINKEDIT`, which all of its images
    /// share.
    #[must_use]
    pub fn vm_size(&self) -> u64 {
        let in_cache = self.set.is_in_cache(self.place());
        let own = |segment: &Segment| !(in_cache && segment.name().is_some_and(|name| name.is(LINKEDIT)));
        self.segments().filter(own).fold(0, |size, segment| size.saturating_add(segment.vm_size()))
    }

    /// How many segments there are.
    #[must_use]
    pub fn segment_count(&self) -> usize {
        self.set.segment_count(self.place())
    }

    /// The identity of the load: address, then UUID, then what stands in for it.
    fn same_load(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.set, &other.set) && self.index == other.index {
            return true;
        }
        self.address() == other.address() && self.same_file(other)
    }

    /// Whether both are the same file: by UUID, or by path where there is no UUID.
    #[must_use]
    pub fn same_file(&self, other: &Self) -> bool {
        match (self.uuid(), other.uuid()) {
            (Some(uuid), Some(other)) => uuid == other,
            (None, None) => self.path() == other.path(),
            _ => false,
        }
    }

    /// What stands for the file where there is no UUID.
    pub(super) fn path(&self) -> Option<Text<'_>> {
        self.file_path().or_else(|| self.install_name())
    }
}

impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        self.same_load(other)
    }
}

impl Eq for Image {}

impl Hash for Image {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
        match self.uuid() {
            Some(uuid) => uuid.hash(state),
            // As in equality. Without it a record could have a hundred thousand images of one hash.
            None => self.path().hash(state),
        }
    }
}

impl Segment {
    /// The name.
    #[must_use]
    pub fn name(&self) -> Option<Text<'_>> {
        // Not by way of the image's row: its dictionary may have any number of keys, all of which would be looked at
        // again.
        self.set.text_of(self.image as usize, self.row.name)
    }

    /// Where the segment lies in the process.
    #[must_use]
    pub fn address(&self) -> RebasedAddress {
        self.preferred_load_address() + self.slide
    }

    /// Where it was meant to lie.
    #[must_use]
    pub const fn preferred_load_address(&self) -> PreferredAddress {
        PreferredAddress(self.row.preferred_load_address)
    }

    /// Bytes in memory.
    #[must_use]
    pub const fn vm_size(&self) -> u64 {
        self.row.vm_size
    }

    /// Bytes in the file.
    #[must_use]
    pub const fn file_size(&self) -> u64 {
        self.row.file_size
    }

    /// Offset in the file, where the record has it.
    #[must_use]
    pub const fn file_offset(&self) -> Option<u64> {
        self.row.file_offset
    }

    /// Protection: 1 read, 2 write, 4 execute.
    #[must_use]
    pub const fn permissions(&self) -> u8 {
        self.row.permissions
    }

    /// The image that the segment is of.
    #[must_use]
    pub fn image(&self) -> Image {
        Image::new(Arc::clone(&self.set), self.image)
    }

    /// The cache that it lies in.
    #[must_use]
    pub fn shared_cache(&self) -> Option<&Arc<SharedCache>> {
        if self.set.is_in_cache(self.image as usize) { self.set.cache() } else { None }
    }
}
