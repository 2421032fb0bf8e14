//! Paths of images. Current caches name aliases here and nowhere else, old ones in rows of the table of images.

use crate::bytes::{Bytes, Cursor};
use crate::error::{Error, Result};
use crate::macho::{Trie, uleb128};

use super::super::file::CacheFile;
use super::super::group::CacheGroup;
use super::memory;

/// Most bytes that one list may take: a whole system takes about 1 MB, and a small broken trie can spell long names
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

/// Paths that lead to images.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// Each path with the row of its image in the table of images, in the order of the trie or of that table.
    pub entries: Vec<(String, u32)>,
    /// What was left out, and why.
    pub faults: Vec<String>,
}

/// Paths that take no more than a list may.
#[derive(Default)]
struct Bounded {
    entries: Vec<(String, u32)>,
    taken: usize,
}

impl Bounded {
    fn add(&mut self, path: &[u8], row: u32) -> Result<()> {
        self.spend(path.len())?;
        self.entries.push((String::from_utf8_lossy(path).into_owned(), row));
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        self.taken = self.taken.saturating_add(bytes).saturating_add(PATH_OVERHEAD);
        if self.taken > MOST_BYTES {
            return Err(Error::limit("bytes of paths of images", MOST_BYTES as u64, self.taken as u64));
        }
        Ok(())
    }
}

/// The further paths of images in the old table, each with its own row.
#[must_use]
pub fn alias_rows(file: &CacheFile) -> Paths {
    let mut paths = Bounded::default();
    for &row in file.alias_rows().rows() {
        let Some(image) = file.image(row) else { continue };
        let added = match file.path_within(image.path_offset, usize::MAX) {
            (Some(path), _) => paths.add(path, row),
            (None, looked_at) => paths.spend(looked_at),
        };
        if let Err(error) = added {
            return Paths { entries: paths.entries, faults: vec![format!("images: {error}")] };
        }
    }
    Paths { entries: paths.entries, faults: Vec::new() }
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
        let mut paths = Bounded::default();
        let faults = Trie::new(&self.bytes).walk(&mut |path, payload| paths.add(path, self.position(payload)?));
        Paths { entries: paths.entries, faults: said(&faults) }
    }

    /// What is wrong with the nodes themselves, wherever their paths lead.
    #[must_use]
    pub fn broken_nodes(&self) -> Vec<String> {
        said(&Trie::new(&self.bytes).walk(&mut |_, _| Ok(())))
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

fn said(faults: &[Error]) -> Vec<String> {
    faults.iter().map(|error| format!("dylibsTrie: {error}")).collect()
}
