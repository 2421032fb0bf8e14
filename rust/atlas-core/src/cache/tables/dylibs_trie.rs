//! Paths of images. Current caches name aliases here and nowhere else.

use crate::bytes::{Bytes, Cursor};
use crate::error::{Error, Result};
use crate::macho::{Trie, uleb128};

use super::super::group::CacheGroup;
use super::memory;

/// Most bytes that the list of one trie may take: a whole system takes about 1 MB, and a small broken trie can spell long names
/// without an end.
const MOST_BYTES: usize = 8 << 20;
/// What a path takes in a list beside its text.
const PATH_OVERHEAD: usize = 64;

/// A trie whose names are paths and whose payloads are positions in the list of images.
#[derive(Clone, Debug)]
pub struct DylibsTrie {
    bytes: Bytes,
    images: usize,
}

/// All that a trie holds.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// Each path with the position of its image, in the order of the trie.
    pub entries: Vec<(String, u32)>,
    /// What was left out, and why.
    pub faults: Vec<String>,
}

impl DylibsTrie {
    /// The trie of a cache; `None` where it has none.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] where its bytes are not there.
    pub fn of(group: &CacheGroup) -> Result<Option<Self>> {
        let file = &group.main().file;
        let Some(range) = file.header().dylibs_trie.filter(|range| range.size != 0) else { return Ok(None) };
        Ok(Some(Self { bytes: memory(group, range, "dylibsTrie")?, images: file.images().len() }))
    }

    /// The position of the image at `path`, or that `path` is an alias of.
    ///
    /// # Errors
    /// Where a node on the way is broken.
    pub fn find(&self, path: &str) -> Result<Option<u32>> {
        Trie::new(&self.bytes).find(path.as_bytes())?.map(|payload| self.position(payload)).transpose()
    }

    /// Every path. Nodes that are broken are left out, with what hangs on them, and said.
    #[must_use]
    pub fn paths(&self) -> Paths {
        let (mut entries, mut taken) = (Vec::new(), 0_usize);
        let faults = Trie::new(&self.bytes).walk(&mut |path, payload| {
            let position = self.position(payload)?;
            taken = taken.saturating_add(path.len()).saturating_add(PATH_OVERHEAD);
            if taken > MOST_BYTES {
                return Err(Error::limit("bytes of paths in a trie", MOST_BYTES as u64, taken as u64));
            }
            entries.push((String::from_utf8_lossy(path).into_owned(), position));
            Ok(())
        });
        Paths { entries, faults: faults.iter().map(|error| format!("dylibsTrie: {error}")).collect() }
    }

    fn position(&self, payload: &[u8]) -> Result<u32> {
        let mut cursor = Cursor::new(payload);
        let position = uleb128(&mut cursor).filter(|_| cursor.remaining() == 0);
        position
            .and_then(|position| u32::try_from(position).ok())
            .filter(|position| (*position as usize) < self.images)
            .ok_or_else(|| {
                let expected = format!("the position of one of {} images", self.images);
                Error::cache(expected, format!("{} bytes that are none", payload.len()))
            })
    }
}
