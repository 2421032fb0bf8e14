//! A range of a cache file and where it is mapped.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use atlas_core::address::PreferredAddress;
use atlas_core::identifier::{FileIdentifier, FilePath};
use atlas_core::model::{CacheMapping, SharedCache as Core};
use atlas_core::schema::MappingRow;
use atlas_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PyString};

use super::memory;
use crate::errors::{self, OrRaise};
use crate::{addresses, buffers, enums, text};

/// A range of a cache file and where it is mapped. Public as dyld_atlas.Mapping.
#[pyclass(frozen, weakref, name = "Mapping_", module = "dyld_atlas")]
pub struct Mapping {
    cache: Arc<Core>,
    core: CacheMapping,
    file_path: Arc<FilePath>,
}

impl Mapping {
    /// The mappings of all files of `cache` but that of local symbols.
    pub fn all(cache: &Arc<Core>) -> Vec<Self> {
        let files = cache.file_names().into_iter().enumerate();
        let files = files.filter(|(_, name)| !name.path.as_bytes().ends_with(b".symbols"));
        files.flat_map(|(file, name)| Self::of_file(cache, file, name.path)).collect()
    }

    /// Those of one file, which lies at `path`.
    pub fn of_file(cache: &Arc<Core>, file: usize, path: FilePath) -> impl Iterator<Item = Self> + use<'_> {
        let path = Arc::new(path);
        let made = move |core| Self { cache: Arc::clone(cache), core, file_path: Arc::clone(&path) };
        cache.mappings_of(file).map(made)
    }

    fn row(&self) -> &MappingRow {
        &self.core.row
    }
}

#[pymethods]
impl Mapping {
    /// By dyld's rule, from flags and highest protection, such as __AUTH_CONST; without flags, as in a record, __TEXT
    /// where it may be executed, else __DATA where it may be written, else __LINKEDIT.
    #[getter]
    fn name(&self) -> &'static str {
        self.core.name
    }

    /// Unslid address.
    #[getter]
    fn preferred_load_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, PreferredAddress(self.row().preferred_load_address))
    }

    /// Bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.row().size
    }

    /// Bytes from the start of the file.
    #[getter]
    fn file_offset(&self) -> u64 {
        self.row().file_offset
    }

    /// What it may ever be used for.
    #[getter]
    fn max_protection<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        enums::PERMISSIONS.member(py, self.row().max_protection)
    }

    /// What it may be used for at first; None in a record.
    #[getter]
    fn initial_protection<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.core.initial_protection.map(|bits| enums::PERMISSIONS.member(py, bits.into())).transpose()
    }

    /// What it holds; None in a record.
    #[getter]
    fn flags<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.core.flags.map(|bits| enums::MAPPING_FLAGS.member(py, bits)).transpose()
    }

    /// The version of its slide information; None where it has none that is known, or the file was not opened.
    #[getter]
    fn slide_version(&self) -> Option<u32> {
        let ((file, mapping), memory) = self.core.place.zip(self.cache.memory().ok())?;
        memory.slide_version(file, mapping).ok().flatten()
    }

    /// The file.
    #[getter]
    fn file_path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text::path(py, &self.file_path)
    }

    /// Its bytes, read-only. Raises MissingDataError, CacheError.
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        let memory = memory::cache(py, &self.cache)?;
        // The files may have been found after this was made.
        let same = |other: &CacheMapping| other.row == *self.row();
        let place = self.core.place.or_else(|| self.cache.mappings_of(self.core.file).find(same)?.place);
        let Some((file, mapping)) = place else {
            let uuid = self.cache.subcaches().get(self.core.file).map(|file| file.uuid);
            let wanted = FileIdentifier { uuid, path: Some(self.file_path.as_ref().clone()) };
            return Err(errors::exception(py, &Error::new(ErrorKind::MissingData(wanted))));
        };
        buffers::memory_view(py, memory.mapping_data(file, mapping, self.row().size).or_raise(py)?)
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let other = other.get();
        self.core == other.core && self.file_path == other.file_path
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.row().preferred_load_address, self.row().size, self.row().file_offset).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let MappingRow { preferred_load_address, size, file_offset, .. } = self.row();
        let protection = self.max_protection(py)?.str()?;
        Ok(format!(
            "<Mapping {} preferred_load_address={preferred_load_address:#x} size={size:#x} file_offset={file_offset:#x} {}>",
            self.core.name,
            protection.to_string_lossy()
        ))
    }
}

part!(Mapping, "a Mapping, which is a part of its cache: open the SharedCache again");
