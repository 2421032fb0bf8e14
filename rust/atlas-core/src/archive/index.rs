//! From paths to entries: files and links only, the first of a path, links followed.

use std::hash::RandomState;

use super::path;
use super::reader::Archive;

/// Links followed before the search ends; dyld's MAXSYMLINKS.
const HOPS: usize = 32;
/// Up to so many entries are looked through; reading one again costs less than an index would.
const SCAN: usize = 16;

/// Files and links by their path, for archives of many entries. Built by the first lookup.
#[derive(Debug)]
pub(super) struct PathIndex {
    /// Random, so that nobody can make an archive whose paths all collide.
    keys: RandomState,
    /// Hash and entry number, sorted. Eight bytes per entry, whatever its path.
    slots: Vec<(u32, u32)>,
}

impl PathIndex {
    fn new(archive: &Archive) -> Self {
        let keys = RandomState::new();
        let mut slots: Vec<(u32, u32)> = (0u32..)
            .zip(archive.entries())
            .filter_map(|(number, entry)| Some((slot(findable(&entry)?, &keys)?, number)))
            .collect();
        slots.sort_unstable();
        Self { keys, slots }
    }

    fn first(&self, archive: &Archive, wanted: &[u8]) -> Option<usize> {
        let hash = slot(wanted, &self.keys)?;
        let start = self.slots.partition_point(|&(other, _)| other < hash);
        let candidates = self.slots.get(start..)?.iter().take_while(|&&(other, _)| other == hash);
        candidates.filter_map(|&(_, number)| usize::try_from(number).ok()).find(|&index| {
            archive.entry(index).is_some_and(|entry| findable(&entry).is_some_and(|path| path::same(path, wanted)))
        })
    }
}

/// The upper half of the hash.
fn slot(path: &[u8], keys: &RandomState) -> Option<u32> {
    path::hash(path, keys).map(|hash| (hash >> 32) as u32)
}

/// The path of an entry that lookups see.
fn findable<'a>(entry: &super::Entry<'a>) -> Option<&'a [u8]> {
    matches!(entry.kind(), Some(b'F' | b'L')).then(|| entry.path()).flatten()
}

/// The first file or link of this path, links not followed.
fn first(archive: &Archive, wanted: &[u8]) -> Option<usize> {
    if archive.len() > SCAN {
        return archive.paths.get_or_init(|| PathIndex::new(archive)).first(archive, wanted);
    }
    archive
        .entries()
        .find(|entry| findable(entry).is_some_and(|path| path::same(path, wanted)))
        .map(|entry| entry.index())
}

/// The file that this path leads to.
pub(super) fn find(archive: &Archive, wanted: &[u8]) -> Option<usize> {
    let mut index = first(archive, wanted)?;
    let mut joined = Vec::new();
    for _ in 0..=HOPS {
        let entry = archive.entry(index)?;
        if entry.kind() != Some(b'L') {
            return Some(index);
        }
        let target = entry.link_target().filter(|target| !target.is_empty())?;
        path::join(entry.path()?, target, &mut joined);
        index = first(archive, &joined)?;
    }
    None
}
