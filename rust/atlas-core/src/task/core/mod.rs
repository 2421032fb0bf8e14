//! Mach-O core files: the memory of a process that is no more, and what its writer noted beside.
//!
//! A core that holds the atlas gives the whole snapshot. One that does not still has lists of images, which lack
//! something each: dyld's own array of images in memory, notes by the debugger or the kernel, or nothing but headers.
//! They are joined by address, and what is lacking is said in the warnings.

mod arrays;
mod bounds;
mod find;
mod listing;
mod metadata;
mod notes;
mod paths;
mod ranges;
mod roster;

use std::path::Path;

use crate::bytes::{Bytes, Mode};
use crate::error::{Error, ErrorKind, Result};
use crate::macho::{Architecture, ByteOrder, View, constants::file_type};
use crate::model::{Opening, Options};

use super::all_image_infos::{AllImageInfos, Publication};
use super::memory::{DyldInfo, PointerFormat, Suspension, TaskMemory, TaskRegion};

use bounds::Bounds;

pub use notes::{LoadedBinary, MainBinary, MainBinaryKind, NotedImage, NotedSegment, Notes};
pub use ranges::CoreMemory;

/// A core file.
#[derive(Debug)]
pub struct Core {
    memory: CoreMemory,
    notes: Notes,
    format: PointerFormat,
    architecture: Architecture,
    /// Where `dyld_all_image_infos` is, as far as that could be found.
    infos: Option<u64>,
}

impl Core {
    /// Opens the core file at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; those of [`Self::from_bytes`].
    pub fn open(path: &Path, mode: Mode) -> Result<Self> {
        Self::from_bytes(Bytes::open(path, mode)?)
    }

    /// Reads the load commands and notes of a core file. Of its memory only what is looked for is touched.
    ///
    /// # Errors
    /// [`ErrorKind::MachO`] where that is no core file of a little-endian processor, or its load commands are broken.
    /// Notes and segments that lie outside of the file are no error: see [`Self::warnings`].
    pub fn from_bytes(bytes: Bytes) -> Result<Self> {
        let view = View::parse(&bytes)?;
        if view.file_type() != file_type::CORE {
            let found = format!("a Mach-O of type {}", view.file_type());
            return Err(Error::macho(12, "a core file, Mach-O type 4", found));
        }
        if view.byte_order() != ByteOrder::Little {
            return Err(Error::macho(0, "a core file of a little-endian processor", "a big-endian one"));
        }
        let format = if view.pointer_size() == 4 { PointerFormat::Bits32 } else { PointerFormat::Bits64 };
        let notes = Notes::read(&view, &bytes);
        let memory = CoreMemory::new(&view, bytes.clone());
        let mut core = Self { memory, notes, format, architecture: view.architecture(), infos: None };
        core.infos = find::all_image_infos(&core);
        Ok(core)
    }

    /// What the writer of the core noted.
    #[must_use]
    pub const fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The memory.
    #[must_use]
    pub const fn memory(&self) -> &CoreMemory {
        &self.memory
    }

    /// The processor.
    #[must_use]
    pub const fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// Numbers of the threads, one for each `LC_THREAD`, where the core has them.
    #[must_use]
    pub fn thread_ids(&self) -> Option<Vec<u64>> {
        metadata::thread_ids(self.notes.process_metadata.as_deref()?)
    }

    /// What is wrong with the file or cannot be used.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.notes.warnings.iter().chain(self.memory.warnings()).map(String::as_str)
    }

    /// dyld's structure, where the core holds it.
    #[must_use]
    pub fn all_image_infos(&self) -> Option<AllImageInfos> {
        AllImageInfos::read(self, self.dyld_info().ok()?).ok()
    }

    /// The snapshot that the process last published; where the core does not hold it sound, one made of what it holds.
    /// A lenient opening takes a damaged one, as far as it can be read.
    ///
    /// # Errors
    /// [`ErrorKind::MachO`] where the core names no image at all, with a hint that says why; [`ErrorKind::Limit`].
    pub fn snapshot(&self, options: Options) -> Result<Opening> {
        let infos = self.all_image_infos();
        let publication = infos.as_ref().map(AllImageInfos::publication).filter(Publication::is_there);
        let lost = match publication.map(|publication| self.published(publication, options)) {
            Some(Ok(mut opening)) => {
                self.warnings().for_each(|warning| opening.note(warning));
                return Ok(opening);
            }
            Some(Err(error)) => match error.kind() {
                ErrorKind::Limit { .. } => return Err(error),
                ErrorKind::UnmappedAddress(_) => {
                    format!("the snapshot that the process published is not in the core file: {error}")
                }
                // Nobody can read it again, and the lists say nearly as much.
                _ => format!("the snapshot that the process published is damaged in the core file: {error}"),
            },
            None if infos.is_some() => "the process had published no snapshot when the core was written".to_owned(),
            None => "the core file does not hold dyld_all_image_infos".to_owned(),
        };
        let mut warnings: Vec<String> = std::iter::once(lost).chain(self.warnings().map(str::to_owned)).collect();
        let process = listing::process(self, infos.as_ref(), &options.policy.limits, &mut warnings)?;
        let mut opening = process.open(options)?;
        warnings.iter().for_each(|warning| opening.note(warning));
        Ok(opening)
    }

    /// What the core announces, opened.
    fn published(&self, publication: Publication, options: Options) -> Result<Opening> {
        let Publication { address, size, .. } = publication;
        let missing = || Error::new(ErrorKind::UnmappedAddress(address));
        let size = usize::try_from(size).ok().filter(|size| *size <= self.memory.file_size()).ok_or_else(missing)?;
        let limit = options.policy.limits.decoded_bytes;
        if size as u64 > limit {
            return Err(Error::limit("bytes of the atlas of a process", limit, size as u64));
        }
        Opening::new(self.held(address, size).ok_or_else(missing)?, options)
    }

    /// Bytes that the core holds, copied only where they lie in several pieces. Never more than the file has: memory
    /// that is zero takes no room there.
    fn held(&self, address: u64, size: usize) -> Option<Bytes> {
        let bytes = (size <= self.memory.file_size()).then(|| self.held_part(address, size))?;
        (bytes.len() == size).then_some(bytes)
    }

    /// As [`Self::held`], as far as they are there.
    fn held_part(&self, address: u64, size: usize) -> Bytes {
        let size = size.min(self.memory.file_size());
        self.memory.piece(address, size).unwrap_or_else(|| {
            let mut bytes = vec![0; size];
            let there = self.memory.read(address, &mut bytes);
            bytes.truncate(there);
            bytes.into()
        })
    }

    /// What reading the lists in it may cost.
    fn bounds(&self) -> Bounds {
        Bounds::of(self.memory.file_size())
    }
}

/// The words of what was counted at all.
fn counted<const COUNT: usize>(found: [(usize, String); COUNT]) -> impl Iterator<Item = String> {
    found.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words)
}

impl TaskMemory for Core {
    /// A core file does not tell.
    fn pid(&self) -> Option<u32> {
        None
    }

    fn dyld_info(&self) -> Result<DyldInfo> {
        let Some(address) = self.infos else {
            return Err(Error::unsupported("the core file does not hold dyld_all_image_infos"));
        };
        let mut version = [0; 4];
        let _read = self.memory.read(address, &mut version);
        let size = super::all_image_infos::size_of_version(u32::from_le_bytes(version), self.format);
        Ok(DyldInfo { address, size, format: self.format })
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<usize> {
        Ok(self.memory.read(address, buffer))
    }

    fn regions(&self) -> Result<Vec<TaskRegion>> {
        Ok(self.memory.regions())
    }

    fn suspend(&self) -> Result<Option<Suspension>> {
        Ok(None)
    }

    fn unchanging(&self, address: u64, size: usize) -> Option<Option<Bytes>> {
        Some(self.held(address, size))
    }
}
