//! The process-wide table of cache records: bounded, least recently used goes first.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::bytes::{Bytes, Mode};
use crate::schema::Policy;
use crate::sys::FileIdentity;

use super::known::{KnownCache, RecordOrigin};

/// What an atlas was read from; the same source is the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A file as it was, and how it became bytes: who asks for a copy must not get a mapping that somebody else made.
    File { path: PathBuf, identity: FileIdentity, mode: Mode },
    /// Bytes in memory. The table keeps them alive, so that no others can come to lie at the same place.
    Memory { address: usize, length: usize },
    /// The headers of files as they were: another file that appears, or goes, makes another record.
    Headers { files: Vec<(PathBuf, FileIdentity)>, mode: Mode },
}

/// What a record is kept by. The policy belongs to it: a lenient reading may have dropped what a strict one refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) uuid: Uuid,
    pub(super) source: Source,
    pub(super) policy: Policy,
    /// A record says where it came from, so it is kept once for each way.
    pub(super) origin: RecordOrigin,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    /// Keeps the bytes of a memory source in place.
    _bytes: Bytes,
    /// Bytes that the record keeps alive: of the source, and of what it was decoded to.
    source_length: usize,
    known: Arc<KnownCache>,
}

impl Entry {
    fn byte_length(&self) -> usize {
        self.source_length.saturating_add(self.known.column_length())
    }
}

fn byte_length(entries: &[Entry]) -> usize {
    entries.iter().map(Entry::byte_length).fold(0, usize::saturating_add)
}

/// Records of caches, the least recently used first.
#[derive(Debug)]
pub struct CacheTable {
    entries: Mutex<Vec<Entry>>,
    most_bytes: usize,
}

static TABLE: CacheTable = CacheTable::new(CacheTable::MOST_BYTES);

/// The table of this process.
#[must_use]
pub fn table() -> &'static CacheTable {
    &TABLE
}

impl CacheTable {
    /// Most records that are kept: a service sees a handful of OS builds at a time.
    pub const MOST_RECORDS: usize = 32;
    /// Most bytes of atlases and arrays that are kept alive; one cache of 3 500 images takes about 3 MB. Arrays are
    /// made later than records are kept: what they exceed this by goes with the next record.
    pub const MOST_BYTES: usize = 128 << 20;

    pub(super) const fn new(most_bytes: usize) -> Self {
        Self { entries: Mutex::new(Vec::new()), most_bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Nothing that can panic runs under the lock; and a list of finished entries is sound in any case.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<KnownCache>> {
        let mut entries = self.lock();
        let place = entries.iter().rposition(|entry| entry.key == *key)?;
        let entry = entries.remove(place);
        let known = Arc::clone(&entry.known);
        entries.push(entry);
        Some(known)
    }

    /// Keeps `known`, which was read from `bytes` and keeps `decoded` more bytes alive. One that is alone too large is
    /// not kept, rather than that it drives out all others.
    pub(super) fn insert(&self, key: Key, bytes: Bytes, decoded: usize, known: &Arc<KnownCache>) {
        let source_length = bytes.len().saturating_add(decoded);
        let entry = Entry { key, _bytes: bytes, source_length, known: Arc::clone(known) };
        if entry.byte_length() > self.most_bytes {
            return;
        }
        let mut dropped = Vec::new();
        let mut entries = self.lock();
        // Two threads may have decoded the same cache at once; the later result replaces the earlier.
        if let Some(place) = entries.iter().position(|other| other.key == entry.key) {
            dropped.push(entries.remove(place));
        }
        entries.push(entry);
        while entries.len() > Self::MOST_RECORDS || (byte_length(&entries) > self.most_bytes && entries.len() > 1) {
            dropped.push(entries.remove(0));
        }
        drop(entries);
        // Freed outside the lock: unmapping a file takes its time.
        drop(dropped);
    }

    /// How many records are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// How many records of the file at `path` are kept: other tests use the table at the same time.
    #[cfg(test)]
    pub(super) fn count_of(&self, wanted: &std::path::Path) -> usize {
        let of_file = |entry: &&Entry| matches!(&entry.key.source, Source::File { path, .. } if path == wanted);
        self.lock().iter().filter(of_file).count()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of atlases and arrays that are kept.
    #[must_use]
    pub fn byte_length(&self) -> usize {
        byte_length(&self.lock())
    }

    /// Forgets every record. Snapshots keep theirs.
    pub fn clear(&self) {
        let dropped = std::mem::take(&mut *self.lock());
        drop(dropped);
    }
}
