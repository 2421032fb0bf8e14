//! Files as memory.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// What tells two states of a file apart without reading it: path aside, the same identity means the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    /// Device and inode; 0 where the platform has none.
    pub inode: (u64, u64),
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change of the contents. Anybody who may write the file can set it to what they like.
    pub modified: Option<SystemTime>,
    /// Time of the last change of anything, in seconds and nanoseconds, which nobody can set; 0 where the platform has none.
    pub changed: (i64, i64),
}

impl FileIdentity {
    /// Reads the identity of the file at `path`, following links.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from_metadata(&std::fs::metadata(path)?))
    }

    pub(super) fn from_metadata(metadata: &std::fs::Metadata) -> Self {
        #[cfg(unix)]
        let (inode, changed) = {
            use std::os::unix::fs::MetadataExt as _;
            ((metadata.dev(), metadata.ino()), (metadata.ctime(), metadata.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let (inode, changed) = ((0, 0), (0, 0));
        Self { inode, size: metadata.len(), modified: metadata.modified().ok(), changed }
    }
}

/// A read-only mapping of a whole file.
#[derive(Debug)]
pub struct MappedFile {
    map: memmap2::Mmap,
    identity: FileIdentity,
}

impl MappedFile {
    /// Maps the regular file at `path` as it is now.
    ///
    /// # Errors
    /// What the operating system says; a file that is no regular file is refused.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        #[cfg(unix)]
        if metadata.is_dir() {
            // EISDIR, which reading the folder would give; the same number on every Unix.
            return Err(io::Error::from_raw_os_error(21));
        }
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        // SAFETY: the mapping is private and read-only, and the file's size was its length when it was mapped. What
        // cannot be proved is that no other process cuts the file short meanwhile: a read past the new end then ends
        // this process with SIGBUS. docs/SAFETY.md names this hazard, and `mode="copy"` avoids it.
        let map = unsafe { memmap2::Mmap::map(&file) }?;
        Ok(Self { map, identity: FileIdentity::from_metadata(&metadata) })
    }

    /// What the file was when it was mapped.
    #[must_use]
    pub fn identity(&self) -> FileIdentity {
        self.identity
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}
