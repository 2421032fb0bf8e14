//! Files: opened once, told apart, measured again, mapped or read.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
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
    /// Time of the last change of anything, in seconds and nanoseconds, which nobody can set; 0 where the platform has
    /// none.
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

    fn from_metadata(metadata: &std::fs::Metadata) -> Self {
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

/// A regular file that is kept open, so that it can be measured, read and mapped again whatever becomes of its path.
#[derive(Debug)]
pub struct OpenFile {
    pub(super) file: File,
    identity: FileIdentity,
}

impl OpenFile {
    /// Opens the regular file at `path`.
    ///
    /// # Errors
    /// What the operating system says; a file that is no regular file is refused, and a pipe is not waited for.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            // Opening a pipe would otherwise wait for a writer that may never come. Regular files do not mind.
            options.custom_flags(libc::O_NONBLOCK);
        }
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        #[cfg(unix)]
        if metadata.is_dir() {
            // What reading the folder would give.
            return Err(io::Error::from_raw_os_error(libc::EISDIR));
        }
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self { file, identity: FileIdentity::from_metadata(&metadata) })
    }

    /// What the file was when it was opened.
    #[must_use]
    pub fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// How many bytes the file has now.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn size_now(&self) -> io::Result<u64> {
        // Takes half as long as asking for the metadata. Nothing here reads from the file's position.
        (&self.file).seek(SeekFrom::End(0))
    }

    /// Fills `bytes` from `offset` on, whatever others read meanwhile.
    ///
    /// # Errors
    /// What the operating system says; [`io::ErrorKind::UnexpectedEof`] where the file ends before.
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        #[cfg(unix)]
        {
            std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, offset)
        }
        #[cfg(windows)]
        {
            let (mut bytes, mut offset) = (bytes, offset);
            while !bytes.is_empty() {
                let count = std::os::windows::fs::FileExt::seek_read(&self.file, bytes, offset)?;
                if count == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                offset = offset.saturating_add(count as u64);
                bytes = bytes.get_mut(count..).unwrap_or_default();
            }
            Ok(())
        }
        #[cfg(not(any(unix, windows)))]
        {
            let _ = (bytes, offset);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Fills `bytes` from `offset` on as far as the file has them, and returns how many those are.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.size_now()?.saturating_sub(offset);
        let bytes = match usize::try_from(left) {
            Ok(left) if left < bytes.len() => bytes.get_mut(..left).unwrap_or_default(),
            _ => bytes,
        };
        self.read_exact_at(bytes, offset)?;
        Ok(bytes.len())
    }

    /// The whole file, read into memory of our own.
    ///
    /// # Errors
    /// What the operating system says; [`io::ErrorKind::OutOfMemory`] where there is not enough of it.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let size = usize::try_from(self.size_now()?).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
        bytes.resize(size, 0);
        self.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Maps the whole file as it is now.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn map(&self) -> io::Result<MappedFile> {
        // SAFETY: the mapping is private and read-only, and the file's size was its length when it was mapped. What
        // cannot be proved is that no other process cuts the file short meanwhile: a read past the new end then ends
        // this process with SIGBUS. docs/SAFETY.md names this hazard, and `mode="copy"` avoids it.
        let map = unsafe { memmap2::Mmap::map(&self.file) }?;
        Ok(MappedFile { map, identity: self.identity })
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
    /// As [`OpenFile::open`] and [`OpenFile::map`].
    pub fn open(path: &Path) -> io::Result<Self> {
        OpenFile::open(path)?.map()
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
