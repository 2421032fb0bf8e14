//! A Mach-O file that lies in no cache.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::bytes::{Bytes, Mode};
use crate::error::{Error, ErrorKind, Result};
use crate::identifier::FileIdentifier;
use crate::macho::{Segment, Slice, slice_with_uuid};

use super::files::{SourceFile, Wrong};
use super::space::{Span, Spans};

/// One Mach-O of a file on disk, and its memory as the linker placed it: all addresses are unslid.
#[derive(Debug)]
pub struct ImageFile {
    source: Arc<SourceFile>,
    slice: Slice,
    /// Start and position of each segment that holds something, in the order of their addresses.
    order: Vec<(u64, usize)>,
}

fn start_of((index, segment): (usize, &Segment)) -> Option<(u64, usize)> {
    (segment.vm_size > 0).then_some((segment.preferred_load_address.0, index))
}

impl ImageFile {
    /// Opens the file at `path`, and in a universal file the slice, whose UUID is `uuid`.
    ///
    /// # Errors
    /// [`ErrorKind::MissingData`] where there is none: a file that has the name alone is not the one. [`ErrorKind::Io`]
    /// and [`ErrorKind::MachO`] where the file cannot be read.
    pub fn open(path: &Path, uuid: Uuid, mode: Mode) -> Result<Self> {
        Self::from_source(SourceFile::open(path, mode)?, uuid)
    }

    /// The same from bytes that somebody gave for the file that is called `path`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(path: PathBuf, bytes: Bytes, uuid: Uuid) -> Result<Self> {
        Self::from_source(Arc::new(SourceFile::from_bytes(path, bytes)), uuid)
    }

    fn from_source(source: Arc<SourceFile>, uuid: Uuid) -> Result<Self> {
        source.check(Self::WRONG)?;
        let Some(slice) = slice_with_uuid(source.bytes(), uuid)? else {
            let path = Some(source.path().as_os_str().as_encoded_bytes().to_owned().into());
            return Err(Error::new(ErrorKind::MissingData(FileIdentifier { uuid: Some(uuid), path })));
        };
        let mut order: Vec<(u64, usize)> = slice.segments.iter().enumerate().filter_map(start_of).collect();
        order.sort_unstable();
        Ok(Self { source, slice, order })
    }

    /// Header, segments and sections.
    #[must_use]
    pub fn slice(&self) -> &Slice {
        &self.slice
    }

    /// `vm_size` bytes as they lie at `address`, of which all past `file_size` are zero. Nothing is copied where the
    /// two are equal.
    ///
    /// # Errors
    /// [`ErrorKind::UnmappedAddress`] with the first of the `file_size` bytes that lies in no segment;
    /// [`ErrorKind::MachO`] where bytes leave the file, or where it was cut short; [`ErrorKind::Limit`] for more than
    /// [`super::MOST_ADDRESS_SPACE`].
    pub fn data(&self, address: u64, file_size: u64, vm_size: u64) -> Result<Bytes> {
        if vm_size == 0 {
            return Ok(Bytes::default());
        }
        if file_size >= vm_size {
            let span = self.at(address)?;
            if span.in_file >= vm_size {
                self.source.check(Self::WRONG)?;
                let start = usize::try_from(span.file_offset).ok();
                let end = span.file_offset.checked_add(vm_size).and_then(|end| usize::try_from(end).ok());
                let bytes = start.zip(end).and_then(|(start, end)| self.source.bytes().slice(start..end));
                if let Some(bytes) = bytes {
                    return Ok(bytes);
                }
            }
        }
        self.lay_out(address, file_size, vm_size)
    }

    /// `size` bytes at `address`.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub fn read(&self, address: u64, size: u64) -> Result<Vec<u8>> {
        self.copy_of(address, size)
    }

    /// The same into `window`, which holds anything after an error.
    ///
    /// # Errors
    /// As [`Self::data`].
    pub fn read_into(&self, address: u64, window: &mut [u8]) -> Result<()> {
        self.fill(address, window)
    }

    /// Where the segment's bytes begin in the file, having checked that it has them.
    fn file_offset(&self, segment: &Segment) -> Result<u64> {
        let end = segment.file_offset.checked_add(segment.file_size).filter(|end| *end <= self.slice.size);
        match end.and(self.slice.offset.checked_add(segment.file_offset)) {
            Some(offset) => Ok(offset),
            None => {
                let expected = format!("{} within the {} bytes of the image", segment.name, self.slice.size);
                let found = format!("{} bytes at {:#x}", segment.file_size, segment.file_offset);
                let error = Error::macho(usize::try_from(self.slice.offset).unwrap_or(usize::MAX), expected, found);
                Err(error.in_entry(&self.source.path().file_name().unwrap_or_default().to_string_lossy()))
            }
        }
    }
}

impl Spans for ImageFile {
    const WRONG: Wrong = |expected, found| Error::macho(0, expected, found);

    fn at(&self, address: u64) -> Result<Span> {
        let unmapped = || Error::new(ErrorKind::UnmappedAddress(address));
        let after = self.order.partition_point(|(start, _)| *start <= address);
        // The last one that begins at or before the address. No real segments overlap.
        let (_, part) = *after.checked_sub(1).and_then(|last| self.order.get(last)).ok_or_else(unmapped)?;
        let segment = self.slice.segments.get(part).ok_or_else(unmapped)?;
        let within = address.wrapping_sub(segment.preferred_load_address.0);
        let size = segment.vm_size.checked_sub(within).filter(|size| *size > 0).ok_or_else(unmapped)?;
        let size = self.order.get(after).map_or(size, |(next, _)| size.min(next.saturating_sub(address)));
        let in_file = segment.file_size.saturating_sub(within).min(size);
        let file_offset = if in_file == 0 { 0 } else { self.file_offset(segment)?.saturating_add(within) };
        Ok(Span { file: 0, part, file_offset, in_file, size })
    }

    fn source(&self, _: usize) -> Result<&SourceFile> {
        Ok(&self.source)
    }
}
