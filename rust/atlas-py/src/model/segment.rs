//! One segment of an image.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use atlas_core::bplist::Text;
use atlas_core::macho::Section as Macho;
use atlas_core::model::Segment as Core;
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PyString, PyTuple};

use super::memory;
use super::section::Section;
use crate::{addresses, buffers, enums, text};

/// A part of an image that is mapped as one. Equal where the image is the same load and all values are the same.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct Segment(Core);

impl From<Core> for Segment {
    fn from(core: Core) -> Self {
        Self(core)
    }
}

impl Segment {
    /// Whether a section of the image is one of this segment: it says so, and lies in it.
    pub fn holds(&self, section: &Macho) -> bool {
        let offset = section.address.0.wrapping_sub(self.0.preferred_load_address().0);
        let is_named = |name: Text<'_>| name.decode_lossy() == section.segment_name.text();
        offset <= self.0.vm_size() && self.0.name().is_some_and(is_named)
    }

    /// The name.
    pub fn text<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        match self.0.name() {
            Some(name) => text::name(py, name),
            // A segment without a name does not pass the check.
            None => Ok(PyString::new(py, "")),
        }
    }
}

#[pymethods]
impl Segment {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("name", "address", "vm_size")
    }

    /// Such as __TEXT.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.text(py)
    }

    /// Where it lies in the process: the preferred address plus the slide of the image.
    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::rebased(py, self.0.address())
    }

    /// Where it was linked to lie.
    #[getter]
    fn preferred_load_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, self.0.preferred_load_address())
    }

    /// address - preferred_load_address, modulo 2**64: the slide of the image.
    #[getter]
    fn slide<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::slide(py, self.0.address() - self.0.preferred_load_address())
    }

    /// Bytes in memory.
    #[getter]
    fn vm_size(&self) -> u64 {
        self.0.vm_size()
    }

    /// Bytes in the file; the rest of the segment is zero.
    #[getter]
    fn file_size(&self) -> u64 {
        self.0.file_size()
    }

    /// Bytes from the start of the file, or of the cache file; None where the record does not say.
    #[getter]
    fn file_offset(&self) -> Option<u64> {
        self.0.file_offset()
    }

    /// What it may be used for at first.
    #[getter]
    fn permissions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        enums::PERMISSIONS.member(py, self.0.permissions().into())
    }

    /// The sections that the load commands of the image put into this segment. Raises MissingDataError, MachOError.
    #[getter]
    fn sections<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let image = self.0.image();
        let sections = memory::sections(py, &image)?.into_iter().filter(|section| self.holds(section));
        PyTuple::new(py, sections.map(|section| Section::new(&image, section)).collect::<Vec<_>>())
    }

    /// vm_size bytes, read-only, zero past file_size. Raises MissingDataError, UnmappedAddressError, MachOError,
    /// CacheError.
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        buffers::memory_view(py, memory::segment(py, &self.0)?)
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let (a, b) = (&self.0, &other.get().0);
        let values = |segment: &Core| {
            let sizes = (segment.vm_size(), segment.file_size(), segment.file_offset(), segment.permissions());
            (segment.address(), segment.preferred_load_address(), sizes)
        };
        let name = |segment: &Core| segment.name().map(|name| name.decode_lossy().into_owned());
        values(a) == values(b) && name(a) == name(b) && a.image() == b.image()
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.0.address(), self.0.vm_size()).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (name, address, size) = (self.text(py)?, self.0.address().0, self.0.vm_size());
        let permissions = enums::PERMISSIONS.member(py, self.0.permissions().into())?.str()?;
        Ok(format!(
            "<Segment {} address={address:#x} vm_size={size:#x} {}>",
            text::shown(&name)?,
            permissions.to_string_lossy()
        ))
    }
}

part!(Segment, "a Segment, which is a part of its snapshot: pickle the Snapshot");
