//! One section of an image.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use atlas_core::address::{PreferredAddress, RebasedAddress};
use atlas_core::macho::Section as Core;
use atlas_core::model::Image;
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PyString};

use super::memory;
use crate::{addresses, buffers, text};

/// A part of a segment, from the load commands of the image. Equal where the image is the same load and all values are
/// the same.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct Section {
    image: Image,
    core: Core,
}

impl Section {
    /// Section `core` of `image`.
    pub fn new(image: &Image, core: Core) -> Self {
        Self { image: image.clone(), core }
    }

    /// What the load commands say.
    pub fn core(&self) -> &Core {
        &self.core
    }

    fn place(&self) -> RebasedAddress {
        self.core.address + self.image.slide()
    }
}

#[pymethods]
impl Section {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("name", "address", "size")
    }

    /// The segment that the section says it is in, such as __TEXT.
    #[getter]
    fn segment_name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text::utf8(py, self.core.segment_name.as_bytes())
    }

    /// Such as __text.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text::utf8(py, self.core.name.as_bytes())
    }

    /// Where it lies in the process: the preferred address plus the slide of the image.
    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::rebased(py, self.place())
    }

    /// Where it was linked to lie.
    #[getter]
    fn preferred_load_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, self.core.address)
    }

    /// address - preferred_load_address, modulo 2**64: the slide of the image.
    #[getter]
    fn slide<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::slide(py, self.image.slide())
    }

    /// Bytes in memory.
    #[getter]
    fn size(&self) -> u64 {
        self.core.size
    }

    /// Type, in the lowest 8 bits, and attributes: S_* of <mach-o/loader.h>.
    #[getter]
    fn flags(&self) -> u32 {
        self.core.flags
    }

    /// The bytes, read-only, zero where the file holds none. Raises MissingDataError, UnmappedAddressError, MachOError.
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        let PreferredAddress(address) = self.core.address;
        buffers::memory_view(py, memory::section(py, &self.image, address, self.core.size)?)
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let other = other.get();
        self.core == other.core && self.image == other.image
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.place(), self.core.size, self.core.name).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Core { segment_name, name, size, .. } = &self.core;
        let name = text::shown(&PyString::new(py, &format!("{segment_name},{name}")))?;
        Ok(format!("<Section {name} address={:#x} size={size:#x}>", self.place().0))
    }
}

part!(Section, "a Section, which is a part of its image: open the file again");
