//! The headers of images, wherever their bytes are.

use crate::bytes::Mode;
use crate::cache::group::{CacheGroup, GroupFile, Place};
use crate::macho::{self, OUTLINE_START};
use crate::sys::{FileIdentity, OpenFile};

/// Bytes that are read at once. Load commands of most libraries take less; a larger piece costs more to copy than a
/// second read for the others.
const PIECE: usize = 4096;

/// Where the bytes of one file are read.
#[derive(Debug)]
enum Access {
    /// In memory, or mapped.
    Bytes,
    /// In the file, which nobody has opened yet; it was this one when it was mapped.
    NotOpened(FileIdentity),
    /// In the file.
    Pieces(OpenFile),
}

/// Reads headers, the last piece at hand.
#[derive(Debug)]
pub(super) struct Headers {
    access: Vec<Access>,
    piece: Vec<u8>,
    /// File, offset and length of what stands in `piece`.
    held: (usize, u64, usize),
}

impl Headers {
    /// For the files of `group`. Those that were copied must not be read again: a copy is asked for by who wants to be
    /// sure of what it says.
    pub(super) fn of(group: &CacheGroup, mode: Mode) -> Self {
        let access = group.files().iter().map(|file| match mode {
            Mode::Copy => Access::Bytes,
            Mode::Map => identity(file).map_or(Access::Bytes, Access::NotOpened),
        });
        Self { access: access.collect(), piece: Vec::new(), held: (usize::MAX, 0, 0) }
    }

    /// The header and load commands of the image at `place`, with `spend` asked whether so many bytes may be read;
    /// `None` where not. Where they leave the mapping, or are none, what is there.
    pub(super) fn read<'a>(
        &'a mut self,
        group: &'a CacheGroup,
        place: Place,
        spend: impl FnOnce(usize) -> bool,
    ) -> Option<&'a [u8]> {
        let start = self.bytes(group, place, OUTLINE_START);
        // What leaves the mapping is not read at all, and costs the other images nothing.
        let fits = |size: &usize| *size as u64 <= place.left;
        let size = macho::outline_size(start).filter(fits).unwrap_or(OUTLINE_START);
        if !spend(size) {
            return None;
        }
        Some(self.bytes(group, place, size))
    }

    /// At least `size` bytes at `place`, or as many as are left.
    fn bytes<'a>(&'a mut self, group: &'a CacheGroup, place: Place, size: usize) -> &'a [u8] {
        let left = usize::try_from(place.left).unwrap_or(usize::MAX);
        let size = size.min(left);
        let Some(file) = group.files().get(place.file) else { return &[] };
        if let Some(start) = self.held_at(place, size) {
            return self.piece.get(start..self.held.2).unwrap_or_default();
        }
        match self.fetch(file, place, size.max(PIECE.min(left))) {
            Some(read) => self.piece.get(..read).unwrap_or_default(),
            None => {
                let start = usize::try_from(place.file_offset).unwrap_or(usize::MAX);
                file.file.bytes().get(start..start.saturating_add(size)).unwrap_or_default()
            }
        }
    }

    /// Where in the piece at hand the bytes at `place` stand.
    fn held_at(&self, place: Place, size: usize) -> Option<usize> {
        let (file, offset, length) = self.held;
        let start = usize::try_from(place.file_offset.checked_sub(offset)?).ok()?;
        (file == place.file && start.checked_add(size)? <= length).then_some(start)
    }

    /// Reads a piece; `None` where the bytes are in memory.
    fn fetch(&mut self, file: &GroupFile, place: Place, size: usize) -> Option<usize> {
        let access = self.access.get_mut(place.file)?;
        if let Access::NotOpened(identity) = *access {
            // A file that was replaced meanwhile is another one: what was mapped is still there. One that was changed,
            // or cut short, is what is mapped, and must not be touched where it has no bytes any more.
            let is_mapped = |opened: &OpenFile| {
                let now = opened.identity();
                now == identity || (now.inode == identity.inode && now.inode != (0, 0))
            };
            let opened = OpenFile::open(&file.path).ok().filter(is_mapped);
            *access = opened.map_or(Access::Bytes, Access::Pieces);
        }
        let Access::Pieces(pieces) = access else { return None };
        if self.piece.len() < size {
            self.piece.resize(size, 0);
        }
        let piece = self.piece.get_mut(..size).unwrap_or_default();
        let read = match pieces.read_exact_at(piece, place.file_offset) {
            Ok(()) => size,
            // Cut short: what is there, and nothing of what is mapped.
            Err(_) => pieces.read_at(piece, place.file_offset).unwrap_or_default(),
        };
        self.held = (place.file, place.file_offset, read);
        Some(read)
    }
}

/// What the file is, if it is still the one that was mapped.
pub(super) fn identity(file: &GroupFile) -> Option<FileIdentity> {
    FileIdentity::of(&file.path).ok().filter(|identity| identity.size == file.file.bytes().len() as u64)
}
