//! Caches of Rosetta's translations: what their headers say.

use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::aot::AotCacheHeader as Core;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple, PyType};

use crate::errors::OrRaise;
use crate::options::LocalPath;
use crate::{addresses, buffers, uuids};

/// The header of an aot_shared_cache file: Rosetta's translations of an x86_64 cache. Its code is not read.
#[pyclass(frozen, eq, weakref, name = "AOTCacheHeader", module = "dyld_atlas.formats")]
#[derive(PartialEq, Eq)]
pub struct AotCacheHeader(Core);

#[pymethods]
impl AotCacheHeader {
    /// Reads a file, or the beginning of one. Raises CacheError.
    #[classmethod]
    #[pyo3(signature = (data, /))]
    fn from_bytes(_class: &Bound<'_, PyType>, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        Core::parse(&buffers::bytes(data)?).or_raise(data.py()).map(Self)
    }

    /// Reads the file at a path. Raises CacheError, OSError.
    #[classmethod]
    #[pyo3(signature = (path, /))]
    fn open(class: &Bound<'_, PyType>, path: LocalPath) -> PyResult<Self> {
        let (py, path) = (class.py(), path.0);
        py.detach(|| Core::parse(&Bytes::open(&path, Mode::Map)?)).or_raise(py).map(Self)
    }

    /// Of this file.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        uuids::new(py, self.0.uuid)
    }

    /// Of the x86_64 cache that was translated.
    #[getter]
    fn x86_uuid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        uuids::new(py, self.0.x86_uuid)
    }

    /// The version of the translator, 32 bytes as they stand there.
    #[getter]
    fn cambria_version<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.cambria_version)
    }

    /// Where the code signature lies in the file, and how many bytes it has.
    #[getter]
    fn code_signature(&self) -> (u64, u64) {
        (self.0.code_signature.offset, self.0.code_signature.size)
    }

    /// How many pieces of code were translated.
    #[getter]
    fn fragment_count(&self) -> u32 {
        self.0.fragment_count
    }

    /// Bytes of the header with its mappings.
    #[getter]
    fn header_size(&self) -> u32 {
        self.0.header_size
    }

    /// Each as (unslid address, size, offset in the file).
    #[getter]
    fn mappings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mappings = self.0.mappings.iter();
        let rows = mappings.map(|it| Ok((addresses::preferred(py, it.address)?, it.file.size, it.file.offset)));
        PyTuple::new(py, rows.collect::<PyResult<Vec<_>>>()?)
    }

    fn __hash__(&self) -> u64 {
        let (high, low) = self.0.uuid.as_u64_pair();
        high ^ low
    }

    fn __repr__(&self) -> String {
        let Core { uuid, x86_uuid, fragment_count, .. } = &self.0;
        format!("<AOTCacheHeader uuid={uuid} x86_uuid={x86_uuid} fragments={fragment_count}>")
    }
}

part!(AotCacheHeader, "an AOTCacheHeader: pickle its path, or its bytes");
