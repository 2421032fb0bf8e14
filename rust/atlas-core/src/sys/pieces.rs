//! Pieces of files, read where they are wanted.

use std::fs::File;
use std::io;
use std::path::Path;

use super::file::FileIdentity;

/// A file that is read piece by piece: for many small pieces, which a mapping would bring into memory with all that lies
/// around them, and which a mapping could lose when the file is cut short.
#[derive(Debug)]
pub struct PieceFile {
    file: File,
    identity: FileIdentity,
}

impl PieceFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let identity = FileIdentity::from_metadata(&file.metadata()?);
        Ok(Self { file, identity })
    }

    /// What the file was when it was opened.
    #[must_use]
    pub const fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// Fills `piece` from `offset` on. Returns how many bytes there were, which is fewer at the end of the file.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read_at(&self, piece: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0_usize;
        while let Some(rest) = piece.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match read_some(&self.file, rest, offset.saturating_add(read as u64)) {
                Ok(0) => break,
                Ok(more) => read = read.saturating_add(more),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }
}

#[cfg(unix)]
fn read_some(file: &File, piece: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, piece, offset)
}

#[cfg(windows)]
fn read_some(file: &File, piece: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, piece, offset)
}
