//! What reading a core may cost.

/// Bounds that grow with the file. Entries, names and headers in a core may lie in each other, so that what is there is
/// no bound; but of a core as its writer made it, each has its own place in the file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    /// Images of one list, and of all lists together. [`crate::Limits`] may allow fewer.
    pub(super) images: usize,
    /// Segments of all images of one list.
    pub(super) segments: usize,
    /// Bytes of all paths of one list.
    pub(super) text: usize,
    /// Bytes of all load commands.
    pub(super) headers: usize,
}

impl Bounds {
    /// Those of a core file of `file_size` bytes. Real processes have some thousands of images, of five segments each.
    pub(super) const fn of(file_size: usize) -> Self {
        let entries = (1_usize << 16).saturating_add(file_size / 256);
        Self {
            images: entries,
            segments: entries,
            text: (1_usize << 20).saturating_add(file_size / 2),
            headers: (4_usize << 20).saturating_add(file_size),
        }
    }
}
