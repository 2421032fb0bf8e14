//! A file that Rosetta translated.

use atlas_core::address::RebasedAddress;
use atlas_core::schema::AotImageRow;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::addresses;

/// A file that Rosetta translated ahead of time.
#[pyclass(frozen, weakref, name = "AOTImage", module = "dyld_atlas")]
pub struct AotImage(AotImageRow);

impl From<AotImageRow> for AotImage {
    fn from(row: AotImageRow) -> Self {
        Self(row)
    }
}

#[pymethods]
impl AotImage {
    /// Where the original lies.
    #[getter]
    fn x86_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::rebased(py, RebasedAddress(self.0.x86_address))
    }

    /// Where the translation lies.
    #[getter]
    fn aot_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::rebased(py, RebasedAddress(self.0.aot_address))
    }

    /// Bytes of the translation.
    #[getter]
    fn aot_size(&self) -> u64 {
        self.0.aot_size
    }

    /// Rosetta's key of the translation, 32 bytes.
    #[getter]
    fn image_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.image_key)
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        self.0 == other.get().0
    }

    fn __hash__(&self) -> u64 {
        self.0.x86_address ^ self.0.aot_address.rotate_left(32)
    }

    fn __repr__(&self) -> String {
        let AotImageRow { x86_address, aot_address, aot_size, .. } = self.0;
        format!("<AOTImage x86_address={x86_address:#x} aot_address={aot_address:#x} aot_size={aot_size:#x}>")
    }
}

part!(AotImage, "an AOTImage, which is a part of its snapshot: pickle the Snapshot");
