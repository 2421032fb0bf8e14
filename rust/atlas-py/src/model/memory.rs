//! The way from images to the bytes of their files, which are found when they are first asked for.

use std::sync::{Arc, OnceLock};

use atlas_core::address::PreferredAddress;
use atlas_core::bytes::Bytes;
use atlas_core::identifier::FileIdentifier;
use atlas_core::macho::Section;
use atlas_core::memory::{CacheMemory, ImageFile};
use atlas_core::model::{Image, ImageSet, Segment, SharedCache};
use atlas_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::files::Files;
use super::shared_cache::Standing;
use crate::buffers;
use crate::errors::{self, OrRaise};

/// What is kept of the files of the images of one list, for as long as the list lives.
pub struct Bodies {
    files: Arc<Files>,
    own: OnceLock<Box<[OnceLock<Arc<ImageFile>>]>>,
}

impl From<Arc<Files>> for Bodies {
    fn from(files: Arc<Files>) -> Self {
        Self { files, own: OnceLock::new() }
    }
}

impl Bodies {
    /// The place for the file of image `index` of `set`.
    fn place(&self, set: &ImageSet, index: usize) -> Option<&OnceLock<Arc<ImageFile>>> {
        self.own.get_or_init(|| (0..set.len()).map(|_| OnceLock::new()).collect()).get(index)
    }
}

/// The bytes of an image: in the cache's files, at its preferred address, or in a file of its own.
enum Body<'a> {
    Cache(&'a Arc<CacheMemory>),
    Own(&'a Arc<ImageFile>),
}

/// The files of a cache, opened at the first call.
///
/// # Errors
/// `MissingDataError`, and what opening them raises.
#[inline]
pub fn cache<'a>(py: Python<'_>, cache: &'a Arc<SharedCache>) -> PyResult<&'a Arc<CacheMemory>> {
    match cache.memory() {
        Ok(memory) => Ok(memory),
        Err(missing) => of_process(py, cache, &missing),
    }
}

/// Says which files are missing, where that may be why an address is not mapped.
#[cold]
pub fn hint_at_missing(memory: &CacheMemory, error: Error) -> Error {
    if matches!(error.kind(), ErrorKind::UnmappedAddress(_)) { with_missing(memory, error) } else { error }
}

/// The same for an error that has no other reason.
#[cold]
pub fn with_missing(memory: &CacheMemory, error: Error) -> Error {
    // Local symbols are mapped nowhere.
    let missing: Vec<_> = memory.group().missing().iter().filter(|name| !name.ends_with(".symbols")).cloned().collect();
    if missing.is_empty() {
        return error;
    }
    error.with_hint(format!("files of the cache are missing: {}", missing.join(", ")))
}

/// The same for what an image of `shared` has there: where an atlas says which file that would be, the file is what is
/// missing.
#[cold]
fn lacking(shared: &SharedCache, memory: &CacheMemory, error: Error) -> Error {
    let ErrorKind::UnmappedAddress(address) = error.kind() else { return error };
    match shared.missing_at(PreferredAddress(*address)) {
        Some(file) => Error::new(ErrorKind::MissingData(file)),
        None => with_missing(memory, error),
    }
}

/// The files of the cache of a process, wherever its snapshot's providers have them.
fn of_process<'a>(py: Python<'_>, cache: &'a Arc<SharedCache>, missing: &Error) -> PyResult<&'a Arc<CacheMemory>> {
    let files = cache.companion(Standing::default).and_then(Standing::files);
    let files = files.ok_or_else(|| errors::exception(py, missing))?;
    let wanted = FileIdentifier { uuid: Some(cache.uuid()), path: Some(cache.file_path().clone()) };
    // Found first, as a provider may ask for the same; of two that come here at once, one opens the files in vain.
    Ok(cache.adopt_memory(files.cache(py, &wanted)?))
}

fn body<'a>(py: Python<'_>, image: &'a Image) -> PyResult<Body<'a>> {
    if let Some(shared) = image.shared_cache() {
        return cache(py, shared).map(Body::Cache);
    }
    let missing = || errors::exception(py, &Error::new(ErrorKind::MissingData(image.identifier())));
    let bodies = image.set().kept_companion::<Bodies>().ok_or_else(missing)?;
    let place = bodies.place(image.set(), image.index() as usize).ok_or_else(missing)?;
    if let Some(file) = place.get() {
        return Ok(Body::Own(file));
    }
    let found = bodies.files.image(py, &image.identifier())?;
    Ok(Body::Own(place.get_or_init(|| found)))
}

/// Where what lies `offset` bytes from the header of an image lies in its own file. A record may leave preferred
/// addresses out, and those of the file are what counts there.
fn in_file(image: &Image, file: &ImageFile, address: u64) -> u64 {
    let offset = address.wrapping_sub(image.preferred_load_address().0);
    file.slice().preferred_load_address.0.wrapping_add(offset)
}

/// `vm_size` bytes of an image at its `address`, unslid, zero past `file_size`.
fn data(py: Python<'_>, image: &Image, address: u64, file_size: u64, vm_size: u64) -> PyResult<Bytes> {
    match body(py, image)? {
        Body::Cache(memory) => memory.data(address, file_size, vm_size).map_err(|error| match image.shared_cache() {
            Some(shared) => lacking(shared, memory, error),
            None => error,
        }),
        Body::Own(file) => file.data(in_file(image, file, address), file_size, vm_size),
    }
    .or_raise(py)
}

/// The bytes of a segment, zero past its size in the file.
///
/// # Errors
/// `MissingDataError`, `UnmappedAddressError`, `CacheError`, `MachOError`.
#[inline]
pub fn segment(py: Python<'_>, segment: &Segment) -> PyResult<Bytes> {
    let (address, file_size) = (segment.preferred_load_address().0, segment.file_size());
    if let Some((shared, memory)) = segment.shared_cache().and_then(|shared| Some((shared, shared.memory().ok()?))) {
        let found = memory.data(address, file_size, segment.vm_size());
        return found.map_err(|error| lacking(shared, memory, error)).or_raise(py);
    }
    data(py, &segment.image(), address, file_size, segment.vm_size())
}

/// The bytes of a section, zero past what the file has of its segment.
///
/// # Errors
/// As [`segment`].
pub fn section(py: Python<'_>, image: &Image, address: u64, size: u64) -> PyResult<Bytes> {
    let within = |segment: &Segment| {
        let offset = address.checked_sub(segment.preferred_load_address().0)?;
        segment.vm_size().checked_sub(offset).filter(|left| *left >= size)?;
        Some(segment.file_size().saturating_sub(offset))
    };
    // What lies in no segment of the record is taken as it lies in the file.
    let file_size = image.segments().find_map(|segment| within(&segment)).unwrap_or(size);
    data(py, image, address, file_size, size)
}

/// The sections of an image, in the order of its load commands.
///
/// # Errors
/// `MissingDataError`, `MachOError`.
pub fn sections(py: Python<'_>, image: &Image) -> PyResult<Vec<Section>> {
    match (body(py, image)?, image.shared_cache()) {
        (Body::Cache(memory), Some(shared)) => {
            let found = shared.sections_at(image.preferred_load_address());
            found.map_err(|error| lacking(shared, memory, error)).or_raise(py)
        }
        (Body::Cache(_), None) => Ok(Vec::new()),
        (Body::Own(file), _) => {
            let mut sections = file.slice().sections.clone();
            // As the record counts addresses.
            let start = file.slice().preferred_load_address.0;
            for section in &mut sections {
                let offset = section.address.0.wrapping_sub(start);
                section.address.0 = image.preferred_load_address().0.wrapping_add(offset);
            }
            Ok(sections)
        }
    }
}

/// Bytes at an address of a process, or of a cache at its slide: from the files of its images and its cache.
///
/// # Errors
/// As [`segment`], `UnmappedAddressError` with the first address at which nothing is.
pub fn read<'py>(py: Python<'py>, set: &Arc<ImageSet>, address: u64, size: u64) -> PyResult<Bound<'py, PyBytes>> {
    let mut pieces = Vec::new();
    let mut done = 0;
    while done < size {
        let unmapped = |at| errors::exception(py, &unmapped(set, at));
        let at = address.checked_add(done).ok_or_else(|| unmapped(0))?;
        let piece = piece(py, set, at)?.ok_or_else(|| unmapped(at))?;
        let here = piece.left.min(size - done);
        pieces.push((piece, here));
        done += here;
    }
    buffers::filled(py, size, |mut window| {
        for (piece, here) in pieces {
            let (now, rest) = window.split_at_mut(usize::try_from(here).unwrap_or(usize::MAX).min(window.len()));
            match piece.source {
                PieceOf::Cache(memory) => memory.read_into(piece.address, now, None)?,
                PieceOf::Own(file) => file.read_into(piece.address, now)?,
            }
            window = rest;
        }
        Ok(())
    })
}

/// Nothing is at an address. Where that is in the cache, a file of it may have had it.
#[cold]
fn unmapped(set: &ImageSet, address: u64) -> Error {
    let error = Error::new(ErrorKind::UnmappedAddress(address));
    match set.cache().filter(|shared| unslid(shared, address).is_some()).map(|shared| shared.memory()) {
        Some(Ok(memory)) => with_missing(memory, error),
        _ => error,
    }
}

/// The unslid address in the memory of a cache.
fn unslid(shared: &SharedCache, address: u64) -> Option<u64> {
    let unslid = address.wrapping_sub(shared.slide().0);
    (unslid.wrapping_sub(shared.preferred_load_address().0) < shared.vm_size()).then_some(unslid)
}

enum PieceOf {
    Cache(Arc<CacheMemory>),
    Own(Arc<ImageFile>),
}

/// A run of bytes at an address.
struct Piece {
    source: PieceOf,
    /// Unslid.
    address: u64,
    left: u64,
}

/// What lies at an address of a process, to the end of its segment or mapping.
fn piece(py: Python<'_>, set: &Arc<ImageSet>, address: u64) -> PyResult<Option<Piece>> {
    let found = set.resolve(address).filter(|found| found.image.shared_cache().is_none());
    if let Some(found) = found {
        let Some(segment) = found.segment else { return Ok(None) };
        let within = address.wrapping_sub(segment.address().0);
        let left = segment.vm_size().saturating_sub(within);
        let Body::Own(file) = body(py, &found.image)? else { return Ok(None) };
        let unslid = segment.preferred_load_address().0.wrapping_add(within);
        let address = in_file(&found.image, file, unslid);
        return Ok(Some(Piece { source: PieceOf::Own(Arc::clone(file)), address, left }));
    }
    // The memory of a cache is more than that of its images, such as the linked-edit that they share.
    let Some(shared) = set.cache() else { return Ok(None) };
    let Some(unslid) = unslid(shared, address) else { return Ok(None) };
    let memory = cache(py, shared)?;
    let place = memory.group().at(unslid);
    let source = || PieceOf::Cache(Arc::clone(memory));
    Ok(place.map(|place| Piece { source: source(), address: unslid, left: place.left }))
}
