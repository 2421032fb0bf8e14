//! From UUIDs and names to images.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use crate::bplist::Text;

/// Images in the order of a hash, so that those of one hash stand together.
#[derive(Debug)]
pub(super) struct HashIndex {
    state: RandomState,
    /// (hash, image), ascending.
    places: Vec<(u64, u32)>,
}

impl HashIndex {
    /// An empty index with a key of its own: names come from input, and must not be made to collide.
    pub(super) fn new(room: usize) -> Self {
        Self { state: RandomState::new(), places: Vec::with_capacity(room) }
    }

    /// Adds image `image` under `text`.
    pub(super) fn add(&mut self, text: Text<'_>, image: u32) {
        self.places.push((self.hash_text(text), image));
    }

    /// Sorts what was added. Looking up comes after.
    pub(super) fn finish(&mut self) {
        self.places.sort_unstable();
        self.places.dedup();
        self.places.shrink_to_fit();
    }

    /// The images that may be named `text`, the first in the list first.
    pub(super) fn candidates(&self, text: &str) -> impl Iterator<Item = u32> + use<'_> {
        let hash = self.hash_text(Text::Ascii(text.as_bytes()));
        let start = self.places.partition_point(|&(other, _)| other < hash);
        self.places.iter().skip(start).take_while(move |&&(other, _)| other == hash).map(|&(_, image)| image)
    }

    fn hash_text(&self, text: Text<'_>) -> u64 {
        let mut hasher = self.state.build_hasher();
        match text {
            Text::Ascii(bytes) => hasher.write(bytes),
            // The same text has the same hash in either encoding.
            Text::Utf16(_) => hasher.write(&text.to_bytes()),
        }
        hasher.finish()
    }
}
