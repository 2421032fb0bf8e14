//! A range of a cache file and where it is mapped.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use atlas_core::address::PreferredAddress;
use atlas_core::schema::MappingRow;
use pyo3::prelude::*;

use crate::{addresses, enums};

const WRITE: u64 = 2;
const EXECUTE: u64 = 4;

/// A range of a cache file and where it is mapped. Public as dyld_atlas.Mapping.
#[pyclass(frozen, weakref, name = "Mapping_", module = "dyld_atlas")]
pub struct Mapping {
    row: MappingRow,
    file_path: String,
}

/// Apple's rule for a mapping without flags: by the highest protection.
pub fn name(row: &MappingRow) -> &'static str {
    match row.max_protection {
        protection if protection & EXECUTE != 0 => "__TEXT",
        protection if protection & WRITE != 0 => "__DATA",
        _ => "__LINKEDIT",
    }
}

impl Mapping {
    /// A mapping of the file at `file_path`.
    pub fn new(row: MappingRow, file_path: &str) -> Self {
        Self { row, file_path: file_path.to_owned() }
    }
}

#[pymethods]
impl Mapping {
    /// __TEXT where it may be executed, else __DATA where it may be written, else __LINKEDIT: dyld's rule for records, which
    /// do not carry the flags that tell __DATA_CONST and __AUTH apart.
    #[getter]
    fn name(&self) -> &'static str {
        name(&self.row)
    }

    /// Unslid address.
    #[getter]
    fn preferred_load_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, PreferredAddress(self.row.preferred_load_address))
    }

    /// Bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.row.size
    }

    /// Bytes from the start of the file.
    #[getter]
    fn file_offset(&self) -> u64 {
        self.row.file_offset
    }

    /// What it may ever be used for.
    #[getter]
    fn max_protection<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        enums::PERMISSIONS.member(py, self.row.max_protection)
    }

    /// The file, on the process's machine.
    #[getter]
    fn file_path(&self) -> &str {
        &self.file_path
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let other = other.get();
        self.row == other.row && self.file_path == other.file_path
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.row.preferred_load_address, self.row.size, self.row.file_offset).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let MappingRow { preferred_load_address, size, file_offset, .. } = self.row;
        let protection = self.max_protection(py)?.str()?;
        Ok(format!(
            "<Mapping {} preferred_load_address={preferred_load_address:#x} size={size:#x} file_offset={file_offset:#x} {}>",
            name(&self.row),
            protection.to_string_lossy()
        ))
    }
}
