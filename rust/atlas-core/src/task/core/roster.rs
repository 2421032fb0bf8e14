//! The images of a core, joined by address from several lists.

use std::collections::HashMap;

use super::super::written::{WrittenImage, WrittenSegment};
use super::counted;

/// Images in the order in which they were first named, one for each address.
#[derive(Debug, Default)]
pub(super) struct Roster {
    images: Vec<WrittenImage>,
    places: HashMap<u64, usize>,
    /// How many images there may be.
    most: usize,
    /// How many of the list that is being added were left out since there were too many.
    left_out_of_list: usize,
    /// The same of the list that lost most: several lists mostly name the same images.
    left_out: usize,
    /// How many are named with different UUIDs by different lists.
    disputed: usize,
}

impl Roster {
    /// For `most` images.
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Says that what is added from now on comes from another list.
    pub(super) const fn begin_list(&mut self) {
        self.left_out_of_list = 0;
    }

    /// Adds an image, or what is not yet known of it.
    pub(super) fn add(&mut self, image: WrittenImage) {
        self.add_with(image.address, || image);
    }

    /// As [`Self::add`], for an image that is made only where there is room for it.
    pub(super) fn add_with(&mut self, address: u64, image: impl FnOnce() -> WrittenImage) {
        if let Some(known) = self.places.get(&address).and_then(|place| self.images.get_mut(*place)) {
            let image = image();
            let differ = known.uuid.is_some() && image.uuid.is_some() && known.uuid != image.uuid;
            self.disputed = self.disputed.saturating_add(usize::from(differ));
            known.uuid = known.uuid.or(image.uuid);
            known.install_name = known.install_name.take().or(image.install_name);
            known.file_path = known.file_path.take().or(image.file_path);
            if known.segments.is_empty() && !image.segments.is_empty() {
                known.segments = image.segments;
                known.preferred_load_address = image.preferred_load_address;
            }
        } else if self.images.len() < self.most {
            self.places.insert(address, self.images.len());
            self.images.push(image());
        } else {
            self.left_out_of_list = self.left_out_of_list.saturating_add(1);
            self.left_out = self.left_out.max(self.left_out_of_list);
        }
    }

    /// All images, to be completed in place.
    pub(super) fn images_mut(&mut self) -> &mut [WrittenImage] {
        &mut self.images
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// How many were named in all, with those that were left out.
    pub(super) const fn named(&self) -> usize {
        self.images.len().saturating_add(self.left_out)
    }

    /// What there is to be said of the lists.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let left_out = format!("{} images more than {} are left out", self.left_out, self.most);
        let disputed = format!("{} images have different UUIDs in different lists", self.disputed);
        counted([(self.left_out, left_out), (self.disputed, disputed)])
    }

    /// The list.
    pub(super) fn into_images(self) -> Vec<WrittenImage> {
        self.images
    }
}

/// Takes over what a header in memory says: it knows sizes and permissions, which no list does. Of names and UUIDs the
/// lists' stay. Says whether the UUIDs differ.
pub(super) fn complete(image: &mut WrittenImage, header: WrittenImage) -> bool {
    let differ = image.uuid.is_some() && header.uuid.is_some() && image.uuid != header.uuid;
    image.uuid = image.uuid.or(header.uuid);
    image.install_name = image.install_name.take().or(header.install_name);
    if !header.segments.is_empty() {
        image.segments = header.segments;
        image.preferred_load_address = header.preferred_load_address;
    }
    differ
}

/// A segment of which only name and place are known. An image without preferred address has its segments counted from
/// its header: so they come out where they lie.
pub(super) fn placed_segment(name: String, address: u64, image: u64) -> WrittenSegment {
    WrittenSegment { name, address: address.wrapping_sub(image), ..WrittenSegment::default() }
}
