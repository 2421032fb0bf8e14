//! Images and segments as they stand in a record.

/// One image, as it stands in the record. Positions are places in the property list; 0 means absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImageRow {
    /// Where the image's dictionary stands.
    pub position: u32,
    /// Where the image lies in the process; absent in the record of a cache.
    pub address: Option<u64>,
    /// Where the linker or the cache builder placed it. One of the two addresses is there.
    pub preferred_load_address: Option<u64>,
    /// The UUID.
    pub uuid: Option<[u8; 16]>,
    /// Position of the install name.
    pub install_name: u32,
    /// Position of the file path.
    pub file_path: u32,
    /// Position of the array of segments.
    pub segments: u32,
}

/// One segment, as it stands in the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentRow {
    /// Position of the name.
    pub name: u32,
    /// Protection: 1 read, 2 write, 4 execute.
    pub permissions: u8,
    /// Unslid address.
    pub preferred_load_address: u64,
    /// Bytes in memory.
    pub vm_size: u64,
    /// Bytes in the file.
    pub file_size: u64,
    /// Offset in the file, where the record has it.
    pub file_offset: Option<u64>,
}

/// What may give an image its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placing {
    /// A cache is known to have been moved by so much, and an image without an address of its own with it.
    WithCache,
    /// Nothing says how far a preferred address was moved.
    OwnAddress,
}

/// Sees every image, each before its segments, in one pass over the record.
pub trait ImageVisitor {
    /// Image `index` of the table.
    fn image(&mut self, index: u32, row: &ImageRow);
    /// The next segment of image `index`.
    fn segment(&mut self, index: u32, row: &SegmentRow);
}
