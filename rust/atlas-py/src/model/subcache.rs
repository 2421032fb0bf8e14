//! One file of a shared cache.

use std::sync::Arc;

use atlas_core::address::PreferredAddress;
use atlas_core::identifier::FileIdentifier;
use atlas_core::model::{CacheFileName, SharedCache as Core};
use atlas_core::schema::SubCacheRow;
use atlas_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::{PyMappingProxy, PyMemoryView, PyString, PyTuple};

use super::mapping::Mapping;
use super::{header, memory};
use crate::errors::{self, OrRaise};
use crate::{addresses, buffers, text, uuids};

/// One file of a shared cache.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct SubCache {
    cache: Arc<Core>,
    index: usize,
    row: SubCacheRow,
    name: CacheFileName,
}

impl SubCache {
    /// Every file of a cache, in the order of its record.
    pub fn all(cache: &Arc<Core>) -> impl Iterator<Item = Self> {
        let rows = cache.subcaches().iter().zip(cache.file_names()).enumerate();
        rows.map(|(index, (row, name))| Self { cache: Arc::clone(cache), index, row: row.clone(), name })
    }

    /// Where it stands among the files that are at hand.
    fn position(&self) -> Option<usize> {
        self.cache.positions().get(self.index).copied().flatten()
    }
}

#[pymethods]
impl SubCache {
    /// The name of the file. Records that give a suffix only, as dyld's scavenger wrote up to dyld-1340, are completed.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text::path(py, &self.name.name)
    }

    /// Its UUID.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        uuids::new(py, self.row.uuid)
    }

    /// Bytes from the start of the cache to the start of the file, in memory.
    #[getter]
    fn vm_offset(&self) -> u64 {
        self.row.vm_offset
    }

    /// Bytes in memory.
    #[getter]
    fn vm_size(&self) -> u64 {
        self.row.vm_size
    }

    /// Bytes on disk.
    #[getter]
    fn file_size(&self) -> u64 {
        self.row.file_size
    }

    /// The path of the file on the process's machine.
    #[getter]
    fn file_path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text::path(py, &self.name.path)
    }

    /// Unslid address of its first byte.
    #[getter]
    fn preferred_load_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, PreferredAddress(self.row.preferred_load_address))
    }

    /// What of the file is mapped where.
    #[getter]
    fn mappings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, Mapping::of_file(&self.cache, self.index, self.name.path.clone()).collect::<Vec<_>>())
    }

    /// The header of the file; empty where the file was not opened.
    #[getter]
    fn header<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        let file = self.position().and_then(|position| self.cache.group()?.files().get(position));
        header::mapping(py, file.map(|file| &file.file))
    }

    /// The file laid out as in memory: vm_size bytes, every mapping at its offset, holes zero. Raises MissingDataError.
    fn layout<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        let memory = memory::cache(py, &self.cache)?;
        let Some(position) = self.position() else {
            let wanted = FileIdentifier { uuid: Some(self.row.uuid), path: Some(self.name.path.clone()) };
            return Err(errors::exception(py, &Error::new(ErrorKind::MissingData(wanted))));
        };
        let bytes = py.detach(|| memory.layout(position, Some(self.row.vm_size))).or_raise(py)?;
        buffers::memory_view(py, bytes)
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let other = other.get();
        self.row == other.row && self.name.path == other.name.path
    }

    fn __hash__(&self) -> u64 {
        let (high, low) = self.row.uuid.as_u64_pair();
        high ^ low
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let SubCacheRow { uuid, vm_offset, vm_size, mappings, .. } = &self.row;
        let name = text::shown(&text::path(py, &self.name.name)?)?;
        let mappings = mappings.len();
        Ok(format!("<SubCache {name} uuid={uuid} vm_offset={vm_offset:#x} vm_size={vm_size:#x} mappings={mappings}>"))
    }
}

part!(SubCache, "a SubCache, which is a part of its cache: open the SharedCache again");
