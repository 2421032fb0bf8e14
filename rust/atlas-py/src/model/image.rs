//! One image.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use atlas_core::model::{Image as Core, ImageSet};
use pyo3::exceptions::{PyIndexError, PyKeyError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::memory;
use super::names::{self, Names};
use super::section::Section;
use super::segment::Segment;
use super::shared_cache::{self, SharedCache};
use crate::addresses;
use crate::kept::{Kept, keep};
use crate::options::FileIdentifier;
use crate::text;

/// A Mach-O file as it is loaded. Equal and hashed as a load: the same file at the same address.
///
/// The same file is the one with the same UUID, or with the same path where there is no UUID.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct Image {
    core: Core,
    address: Kept,
    /// Empty for images of a cache: those share theirs.
    own: Names,
    segments: Kept<PyTuple>,
    sections: Kept<PyTuple>,
}

impl Image {
    /// Image `index` of `set`.
    ///
    /// # Errors
    /// `IndexError` past the end.
    pub fn new<'py>(py: Python<'py>, set: &Arc<ImageSet>, index: usize) -> PyResult<Bound<'py, Self>> {
        let core = set.get(index).ok_or_else(|| PyIndexError::new_err("index out of range"))?;
        Bound::new(
            py,
            Self { core, address: Kept::new(), own: Names::default(), segments: Kept::new(), sections: Kept::new() },
        )
    }

    /// The image of the core.
    pub fn core(&self) -> &Core {
        &self.core
    }

    fn set(&self) -> &ImageSet {
        self.core.set()
    }

    fn index(&self) -> usize {
        self.core.index() as usize
    }

    fn all_segments<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<&'a Bound<'py, PyTuple>> {
        keep(&self.segments, py, || {
            let mut segments = Vec::with_capacity(self.core.segment_count());
            for segment in self.core.segments() {
                segments.push(Bound::new(py, Segment::from(segment))?);
            }
            PyTuple::new(py, segments)
        })
    }
}

#[pymethods]
impl Image {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("name", "address")
    }

    /// The UUID of the Mach-O file.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        names::uuid(py, self.set(), self.index(), Some(&self.own))
    }

    /// Where programs expect the file.
    #[getter]
    fn install_name<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        names::install_name(py, self.set(), self.index(), Some(&self.own))
    }

    /// Where the file lies on the process's machine; None for images of the shared cache.
    #[getter]
    fn file_path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        names::file_path(py, self.set(), self.index())
    }

    /// The last component of the install name, else of the path, else "".
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        names::name(py, self.set(), self.index(), Some(&self.own))
    }

    /// What names the file: compare this to compare files rather than loads.
    #[getter]
    fn identifier(&self) -> FileIdentifier {
        self.core.identifier().into()
    }

    /// Where the image lies in the process.
    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        keep(&self.address, py, || addresses::rebased(py, self.core.address())).cloned()
    }

    /// Where it was linked to lie; 0 where the record has none.
    #[getter]
    fn preferred_load_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, self.core.preferred_load_address())
    }

    /// address - preferred_load_address, modulo 2**64.
    #[getter]
    fn slide<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::slide(py, self.core.slide())
    }

    /// Bytes in a pointer: 4 or 8.
    #[getter]
    fn pointer_size(&self) -> u64 {
        self.set().pointer_size()
    }

    /// Bytes of memory that the segments take; of an image of a cache without the __LINKEDIT that all of its images
    /// share.
    #[getter]
    fn vm_size(&self) -> u64 {
        self.core.vm_size()
    }

    /// The segments, in the order of the record; empty where the record has none.
    #[getter]
    fn segments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.all_segments(py).cloned()
    }

    /// The sections of all segments, in the order of the load commands. Raises MissingDataError, MachOError.
    #[getter]
    fn sections<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let make = |core| Section::new(&self.core, core);
        keep(&self.sections, py, || {
            PyTuple::new(py, memory::sections(py, &self.core)?.into_iter().map(make).collect::<Vec<_>>())
        })
        .cloned()
    }

    /// The cache that the image lies in; None for a file of its own.
    #[getter]
    fn shared_cache<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, SharedCache>>> {
        self.core.shared_cache().map(|cache| shared_cache::object(py, cache)).transpose()
    }

    /// Whether the image lies in the shared cache.
    #[getter]
    fn is_in_shared_cache(&self) -> bool {
        self.set().is_in_cache(self.index())
    }

    /// The first segment of that name. Raises KeyError where there is none.
    #[pyo3(signature = (name, /))]
    fn segment<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let segments = self.all_segments(py)?;
        for segment in segments.iter() {
            if segment.cast::<Segment>()?.get().text(py)?.as_any().eq(name)? {
                return Ok(segment);
            }
        }
        let mut found = Vec::with_capacity(segments.len());
        for segment in segments.iter() {
            found.push(segment.cast::<Segment>()?.get().text(py)?.to_string_lossy().into_owned());
        }
        let found = if found.is_empty() { "no segments".to_owned() } else { found.join(", ") };
        let (name, image) = (name.to_string_lossy(), self.name(py)?);
        Err(PyKeyError::new_err(format!("no segment {name:?} in {}, which has {found}", image.to_string_lossy())))
    }

    /// Whether both are the same file: by UUID, or by path where there is no UUID, at whatever addresses.
    #[pyo3(signature = (other, /))]
    fn same_file(&self, other: &Bound<'_, Self>) -> bool {
        self.core.same_file(other.get().core())
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        self.core == other.get().core
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.core.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = self.name(py)?;
        let uuid = self.core.uuid().map_or_else(String::new, |uuid| format!(" uuid={uuid}"));
        let (address, segments) = (self.core.address().0, self.core.segment_count());
        Ok(format!("<Image {}{uuid} address={address:#x} segments={segments}>", text::shown(&name)?))
    }
}

part!(Image, "an Image, which is a part of its snapshot: pickle the Snapshot");
