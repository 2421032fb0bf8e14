//! What a process says of its shared cache.

use std::sync::Arc;

use atlas_core::address::RebasedAddress;
use atlas_core::model::Snapshot as Core;
use atlas_core::schema::CacheReference;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use crate::sequences::{Items, LazySequence};
use crate::{addresses, text, uuids};

/// What a process says of its shared cache, whether the cache was found or not.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct SharedCacheRecord(Arc<CacheReference>);

impl SharedCacheRecord {
    /// The record of a snapshot; `None` where the process has no cache.
    pub fn new<'py>(py: Python<'py>, snapshot: &Core) -> PyResult<Option<Bound<'py, Self>>> {
        let reference = snapshot.record().cache.clone();
        reference.map(|reference| Bound::new(py, Self(Arc::new(reference)))).transpose()
    }
}

struct UsedImages(Arc<CacheReference>);

impl Items for UsedImages {
    fn len(&self) -> usize {
        self.0.bit_count()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyBool::new(py, self.0.uses(index)).to_owned().into_any())
    }
}

#[pymethods]
impl SharedCacheRecord {
    /// The UUID of the cache.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        uuids::new(py, self.0.uuid)
    }

    /// Where the cache lies in the process.
    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::rebased(py, RebasedAddress(self.0.address))
    }

    /// The main file on the process's machine.
    #[getter]
    fn file_path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text::utf8(py, self.0.file_path.as_bytes())
    }

    /// Which images of the cache are loaded, by index. Its length is a multiple of 8.
    #[getter]
    fn used_images<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        LazySequence::new(py, Arc::new(UsedImages(Arc::clone(&self.0))))
    }

    /// The UUID of Rosetta's translated cache.
    #[getter]
    fn aot_uuid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.aot_uuid.map(|uuid| uuids::new(py, uuid)).transpose()
    }

    /// Where that lies.
    #[getter]
    fn aot_address<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.aot_address.map(|address| addresses::rebased(py, RebasedAddress(address))).transpose()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let CacheReference { uuid, address, .. } = &*self.0;
        let path = text::shown(&self.file_path(py)?)?;
        Ok(format!("<SharedCacheRecord {path} uuid={uuid} address={address:#x}>"))
    }
}

part!(SharedCacheRecord, "a SharedCacheRecord, which is a part of its snapshot: pickle the Snapshot");
