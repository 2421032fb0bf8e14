//! What lies at an address.

use atlas_core::macho::Section as Macho;
use atlas_core::model::Location as Core;
use pyo3::prelude::*;

use super::image::Image;
use super::images::Images;
use super::memory;
use super::section::Section;
use super::segment::Segment;
use crate::text;

/// What lies at an address.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct Location {
    image: Py<Image>,
    segment: Option<Py<Segment>>,
    offset: i128,
}

impl Location {
    /// The place of the core at `address`, which is in the list `images`.
    pub fn new<'py>(py: Python<'py>, images: &Images, address: u64, found: Core) -> PyResult<Bound<'py, Self>> {
        let image = images.get(py, found.image.index() as usize)?.clone().unbind();
        let segment = found.segment.map(|segment| Py::new(py, Segment::from(segment))).transpose()?;
        let offset = i128::from(address) - i128::from(found.image.address().0);
        Bound::new(py, Self { image, segment, offset })
    }
}

#[pymethods]
impl Location {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("image", "segment", "offset")
    }

    /// The image.
    #[getter]
    fn image(&self, py: Python<'_>) -> Py<Image> {
        self.image.clone_ref(py)
    }

    /// The segment.
    #[getter]
    fn segment(&self, py: Python<'_>) -> Option<Py<Segment>> {
        self.segment.as_ref().map(|segment| segment.clone_ref(py))
    }

    /// The section; None where no section covers the address. Raises MissingDataError, MachOError.
    #[getter]
    fn section<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Section>>> {
        let image = self.image.get().core();
        let address = image.address().0.wrapping_add(self.offset as u64).wrapping_sub(image.slide().0);
        let covers = |section: &Macho| address.wrapping_sub(section.address.0) < section.size;
        let found = memory::sections(py, image)?.into_iter().find(covers);
        found.map(|section| Bound::new(py, Section::new(image, section))).transpose()
    }

    /// Bytes from the address of the image; negative for a segment that lies below it.
    #[getter]
    fn offset(&self) -> i128 {
        self.offset
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<bool> {
        let other = other.get();
        let segments = match (&self.segment, &other.segment) {
            (Some(a), Some(b)) => a.bind(py).eq(b)?,
            (None, None) => true,
            _ => false,
        };
        Ok(segments && self.offset == other.offset && self.image.bind(py).eq(&other.image)?)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        (self.image.clone_ref(py), self.offset).into_pyobject(py)?.hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = self.image.bind(py).getattr(pyo3::intern!(py, "name"))?.str()?;
        let name = text::shown(&name)?;
        let segment = match &self.segment {
            Some(segment) => format!(" {}", text::shown(&segment.get().text(py)?)?),
            None => String::new(),
        };
        let (sign, distance) = (if self.offset < 0 { '-' } else { '+' }, self.offset.unsigned_abs());
        Ok(format!("<Location {name}{segment} {sign}{distance:#x}>"))
    }
}

part!(Location, "a Location, which is a part of its snapshot: pickle the Snapshot");
