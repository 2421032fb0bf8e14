//! Strings and UUIDs of images. Those of a cache's images are made once for all snapshots that use the cache.

use atlas_core::cache::KnownCache;
use atlas_core::model::ImageSet;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::kept::{Kept, keep};
use crate::{text, uuids};

/// What is kept of one image.
#[derive(Default)]
pub struct Names {
    uuid: Kept,
    install_name: Kept<PyString>,
    name: Kept<PyString>,
}

/// What is kept of the images of one cache, for as long as its record is known.
struct CacheNames(Box<[Names]>);

impl CacheNames {
    fn of(known: &KnownCache) -> Option<&Self> {
        known.companion(|| Self((0..known.image_count()).map(|_| Names::default()).collect()))
    }
}

/// What is kept of image `index`, if it stands in the record of a cache.
#[inline]
fn shared(set: &ImageSet, index: usize) -> Option<&Names> {
    let place = set.cache_index(index)?;
    CacheNames::of(set.cache()?.known())?.0.get(place as usize)
}

/// The UUID of image `index`. `own` is where it is kept if no cache keeps it.
pub fn uuid<'py>(
    py: Python<'py>,
    set: &ImageSet,
    index: usize,
    own: Option<&Names>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let names = shared(set, index).or(own);
    if let Some(kept) = names.and_then(|names| names.uuid.get()) {
        return Ok(Some(kept.bind(py).clone()));
    }
    let columns = set.columns();
    let Some(uuid) = columns.uuid.get(index).filter(|_| columns.has_uuid(index)) else { return Ok(None) };
    let make = || uuids::new(py, uuid::Uuid::from_bytes(*uuid));
    match names {
        Some(names) => keep(&names.uuid, py, make).map(|kept| Some(kept.clone())),
        None => make().map(Some),
    }
}

/// The install name of image `index`.
pub fn install_name<'py>(
    py: Python<'py>,
    set: &ImageSet,
    index: usize,
    own: Option<&Names>,
) -> PyResult<Option<Bound<'py, PyString>>> {
    let names = shared(set, index).or(own);
    if let Some(kept) = names.and_then(|names| names.install_name.get()) {
        return Ok(Some(kept.bind(py).clone()));
    }
    let Some(name) = set.install_name(index) else { return Ok(None) };
    let make = || text::text(py, name);
    match names {
        Some(names) => keep(&names.install_name, py, make).map(|kept| Some(kept.clone())),
        None => make().map(Some),
    }
}

/// The path of the file of image `index`. Images of a cache have none, so it is not kept.
pub fn file_path<'py>(py: Python<'py>, set: &ImageSet, index: usize) -> PyResult<Option<Bound<'py, PyString>>> {
    set.file_path(index).map(|path| text::text(py, path)).transpose()
}

/// The last component of the install name, else of the path, else the empty string.
pub fn name<'py>(py: Python<'py>, set: &ImageSet, index: usize, own: Option<&Names>) -> PyResult<Bound<'py, PyString>> {
    let names = shared(set, index).or(own);
    if let Some(kept) = names.and_then(|names| names.name.get()) {
        return Ok(kept.bind(py).clone());
    }
    let make = || match set.install_name(index).or_else(|| set.file_path(index)) {
        Some(name) => text::text(py, name.leaf()),
        None => Ok(PyString::new(py, "")),
    };
    match names {
        Some(names) => keep(&names.name, py, make).cloned(),
        None => make(),
    }
}

/// The names of segments as they were met: a record names each a thousand times, and stores it once.
#[derive(Default)]
pub struct SegmentNames<'py>(Vec<(u32, bool, Bound<'py, PyString>)>);

impl<'py> SegmentNames<'py> {
    /// The name at `position` of the record that image `index` stands in.
    #[inline]
    pub fn get(
        &mut self,
        py: Python<'py>,
        set: &ImageSet,
        index: usize,
        position: u32,
    ) -> PyResult<Bound<'py, PyString>> {
        /// More different names than real records have; past that, each is made as it comes.
        const MOST: usize = 32;
        let from_cache = set.cache_index(index).is_some();
        let known = self.0.iter().find(|known| (known.0, known.1) == (position, from_cache));
        if let Some((_, _, name)) = known {
            return Ok(name.clone());
        }
        let name = match set.text_of(index, position) {
            Some(name) => text::name(py, name)?,
            // A segment without a name does not pass the check.
            None => PyString::new(py, ""),
        };
        if self.0.len() < MOST {
            self.0.push((position, from_cache, name.clone()));
        }
        Ok(name)
    }
}
