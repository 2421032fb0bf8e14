//! Shared bytes: a backing that is kept alive, and a range of it.

use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::sys::{MappedFile, OpenFile};

/// How a file becomes bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Map it: nothing is read until it is used, and nothing is copied.
    #[default]
    Map,
    /// Read it into memory of our own, so that nothing done to the file later can hurt.
    Copy,
}

/// A range of shared, immutable bytes. Cloning and slicing copy nothing.
#[derive(Clone)]
pub struct Bytes {
    backing: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl Bytes {
    /// Shares `backing`, whose slice must stay the same for its whole life.
    pub fn from_owner(backing: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        let range = 0..backing.as_ref().len();
        Self { backing: Arc::new(backing), range }
    }

    /// The bytes of the regular file at `path`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] with the path; what is no regular file is refused in either mode, and not waited for.
    pub fn open(path: &Path, mode: Mode) -> Result<Self> {
        match mode {
            Mode::Map => MappedFile::open(path).map(Self::from_owner),
            Mode::Copy => OpenFile::open(path).and_then(|file| file.read()).map(Self::from_owner),
        }
        .map_err(|source| Error::io(path, source))
    }

    /// A part of these bytes, or `None` where it would leave them.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        let start = self.range.start.checked_add(range.start)?;
        let end = self.range.start.checked_add(range.end)?;
        (start <= end && end <= self.range.end).then(|| Self { backing: Arc::clone(&self.backing), range: start..end })
    }

    /// How many `Bytes` share the backing of these, these included.
    #[must_use]
    pub fn share_count(&self) -> usize {
        Arc::strong_count(&self.backing)
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::from_owner([])
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // The range was checked when it was made, and the slice of a backing never changes.
        self.backing.as_ref().as_ref().get(self.range.clone()).unwrap_or_default()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from_owner(bytes)
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({} bytes)", self.range.len())
    }
}
