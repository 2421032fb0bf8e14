//! Images that an old table lists more than once: its rows of further paths.

use super::tables::ImageInfo;
use super::{CacheFile, Mapping};

/// Which rows of a table of images are no images.
///
/// Before there was a trie of paths, the builder gave each further path of an image a row of its own, with the address
/// of the image. The paths of images stood in the images themselves then, those of such rows before the first image:
/// that is how dyld's readers of that time tell them apart. Since both stand before the first image, no row is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AliasRows(Vec<u32>);

impl AliasRows {
    pub(super) fn of(file: &CacheFile) -> Self {
        // From dyld-940 on the header has another place for the table, and there is a trie.
        if file.header().image_table() != file.header().images_old {
            return Self::default();
        }
        let Some(first) = first_header(file) else { return Self::default() };
        let is_outside = |image: &ImageInfo| u64::from(image.path_offset) < first;
        if !file.images().any(|image| is_outside(&image)) {
            return Self::default();
        }
        let mut own: Vec<_> = file.images().filter(|image| !is_outside(image)).map(|image| image.address).collect();
        own.sort_unstable();
        let is_alias = |image: &ImageInfo| is_outside(image) && own.binary_search(&image.address).is_ok();
        let rows = file.images().zip(0_u32..).filter(|(image, _)| is_alias(image));
        Self(rows.map(|(_, row)| row).collect())
    }

    /// The rows, ascending.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.0
    }

    /// Whether row `row` is none of an image.
    #[must_use]
    pub fn holds(&self, row: usize) -> bool {
        u32::try_from(row).is_ok_and(|row| self.0.binary_search(&row).is_ok())
    }
}

/// Where in the file the first image begins.
fn first_header(file: &CacheFile) -> Option<u64> {
    let first = file.images().map(|image| image.address.0).min()?;
    let within = |start: u64, size: u64| first.checked_sub(start).filter(|offset| *offset < size);
    let offset = |mapping: &Mapping| within(mapping.address.0, mapping.size)?.checked_add(mapping.file_offset);
    file.mappings().iter().find_map(offset)
}
