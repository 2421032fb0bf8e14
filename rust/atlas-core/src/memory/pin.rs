//! Whole caches in one range of address space, shared by all who pin the same files.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use uuid::Uuid;

use crate::bytes::{Bytes, Mode};
use crate::error::Result;

use super::files::SourceKey;

/// What makes two caches the same memory: UUID of the main file, and all files as they were when they were opened.
/// Whoever has a key that is in the table keeps the sources.
pub(super) type Key = (Option<Uuid>, Mode, Vec<SourceKey>);

/// Why [`super::CacheMemory::unpin`] did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnpinError {
    /// There is nothing to take back.
    NotPinned,
    /// So many buffers of the pinned memory are in use.
    InUse(usize),
}

impl fmt::Display for UnpinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPinned => f.write_str("the cache is not pinned"),
            Self::InUse(count) => write!(f, "{count} buffers of the pinned cache are in use"),
        }
    }
}

impl std::error::Error for UnpinError {}

/// A cache in one range, from an address on.
#[derive(Debug)]
struct Range {
    start: u64,
    bytes: Bytes,
}

/// The range of one cache for all who have it pinned.
#[derive(Debug, Default)]
struct Shared(Mutex<Weak<Range>>);

/// Caches that somebody has open.
static TABLE: Mutex<Option<HashMap<Key, Weak<Shared>>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic leaves what the locks guard half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn of(key: Key) -> Arc<Self> {
        let mut table = lock(&TABLE);
        let table = table.get_or_insert_default();
        if let Some(found) = table.get(&key).and_then(Weak::upgrade) {
            return found;
        }
        // Few caches are open at a time, so that looking at all of them costs nothing beside opening one.
        table.retain(|_, shared| shared.strong_count() > 0);
        let made = Arc::new(Self::default());
        table.insert(key, Arc::downgrade(&made));
        made
    }

    fn get(&self, make: impl FnOnce() -> Result<(u64, Bytes)>) -> Result<Arc<Range>> {
        // Held while the cache is mapped: all others want just that, and wait rather than map it, too.
        let mut shared = lock(&self.0);
        if let Some(range) = shared.upgrade() {
            return Ok(range);
        }
        let (start, bytes) = make()?;
        let range = Arc::new(Range { start, bytes });
        *shared = Arc::downgrade(&range);
        Ok(range)
    }
}

/// Lends the bytes of a shared range. Each user has his own, so that he can count what he lent.
#[derive(Debug)]
struct Lender(Arc<Range>);

impl AsRef<[u8]> for Lender {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

#[derive(Debug)]
struct Pinned {
    count: usize,
    start: u64,
    bytes: Bytes,
}

/// The pins of one user.
#[derive(Debug)]
pub(super) struct Pin {
    shared: Arc<Shared>,
    /// Whether there is anything behind the lock; a hint that costs nobody anything.
    is_pinned: AtomicBool,
    state: RwLock<Option<Pinned>>,
}

impl Pin {
    pub(super) fn of(key: Key) -> Self {
        Self { shared: Shared::of(key), is_pinned: AtomicBool::new(false), state: RwLock::new(None) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Pinned>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Pinned>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(super) fn is_pinned(&self) -> bool {
        self.is_pinned.load(Ordering::Relaxed)
    }

    pub(super) fn pin(&self, make: impl FnOnce() -> Result<(u64, Bytes)>) -> Result<()> {
        let mut state = self.write();
        if let Some(pinned) = state.as_mut() {
            pinned.count = pinned.count.saturating_add(1);
            return Ok(());
        }
        let range = self.shared.get(make)?;
        *state = Some(Pinned { count: 1, start: range.start, bytes: Bytes::from_owner(Lender(range)) });
        self.is_pinned.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn unpin(&self) -> std::result::Result<(), UnpinError> {
        let mut state = self.write();
        let Some(pinned) = state.as_mut() else { return Err(UnpinError::NotPinned) };
        if pinned.count > 1 {
            pinned.count -= 1;
            return Ok(());
        }
        // Nobody can take another one: for that he needs the lock, or one that is counted already.
        match pinned.bytes.share_count().saturating_sub(1) {
            0 => {
                self.is_pinned.store(false, Ordering::Relaxed);
                let last = state.take();
                drop(state);
                // Outside the lock: unmapping takes its time.
                drop(last);
                Ok(())
            }
            lent => Err(UnpinError::InUse(lent)),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.read().as_ref().map_or(0, |pinned| pinned.count)
    }

    pub(super) fn whole(&self) -> Option<Bytes> {
        self.read().as_ref().map(|pinned| pinned.bytes.clone())
    }

    /// The pinned bytes at `address`.
    pub(super) fn bytes(&self, address: u64, size: u64) -> Option<Bytes> {
        if !self.is_pinned() {
            return None;
        }
        let state = self.read();
        let pinned = state.as_ref()?;
        let start = usize::try_from(address.checked_sub(pinned.start)?).ok()?;
        pinned.bytes.slice(start..start.checked_add(usize::try_from(size).ok()?)?)
    }
}
