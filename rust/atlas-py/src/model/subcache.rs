//! One file of a shared cache.

use std::sync::Arc;

use atlas_core::address::PreferredAddress;
use atlas_core::model::SharedCache as Core;
use atlas_core::schema::SubCacheRow;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::mapping::Mapping;
use crate::{addresses, uuids};

/// One file of a shared cache.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct SubCache {
    row: SubCacheRow,
    name: String,
    file_path: String,
}

impl SubCache {
    /// Every file of a cache, in the order of its record.
    pub fn all(cache: &Arc<Core>) -> impl Iterator<Item = Self> {
        cache.subcaches().iter().map(|row| {
            let name = cache.file_name(row);
            Self { row: row.clone(), file_path: cache.path_beside(&name), name }
        })
    }

    /// The path of the file on the process's machine.
    pub fn path(&self) -> &str {
        &self.file_path
    }

    /// Whether this is the file of local symbols, which is never mapped.
    pub fn holds_symbols(&self) -> bool {
        self.name.ends_with(".symbols")
    }

    /// Its mappings.
    pub fn all_mappings(&self) -> impl Iterator<Item = Mapping> {
        self.row.mappings.iter().map(|row| Mapping::new(*row, &self.file_path))
    }
}

#[pymethods]
impl SubCache {
    /// The name of the file. Records that give a suffix only, as dyld's scavenger wrote up to dyld-1340, are completed.
    #[getter]
    fn name(&self) -> &str {
        &self.name
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
    fn file_path(&self) -> &str {
        &self.file_path
    }

    /// Unslid address of its first byte.
    #[getter]
    fn preferred_load_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, PreferredAddress(self.row.preferred_load_address))
    }

    /// What of the file is mapped where.
    #[getter]
    fn mappings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.all_mappings().collect::<Vec<_>>())
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let other = other.get();
        self.row == other.row && self.file_path == other.file_path
    }

    fn __hash__(&self) -> u64 {
        let (high, low) = self.row.uuid.as_u64_pair();
        high ^ low
    }

    fn __repr__(&self) -> String {
        let SubCacheRow { uuid, vm_offset, vm_size, mappings, .. } = &self.row;
        format!(
            "<SubCache {} uuid={uuid} vm_offset={vm_offset:#x} vm_size={vm_size:#x} mappings={}>",
            self.name,
            mappings.len()
        )
    }
}
