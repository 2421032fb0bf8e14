//! Writes Apple Archives.

use std::sync::{Mutex, PoisonError};

use atlas_core::archive::ArchiveWriter as Core;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::errors::OrRaise;
use crate::{buffers, options, text};

/// Assembles an archive as dyld does: links first, then files, each record with its CRC-32C stamp.
#[pyclass(frozen, subclass, weakref, module = "dyld_atlas.formats")]
pub struct ArchiveWriter(Mutex<Core>);

impl ArchiveWriter {
    /// What happens with the lock held neither waits nor calls Python.
    fn with<T>(&self, action: impl FnOnce(&mut Core) -> T) -> T {
        // A panic while the lock was held cannot leave the writer half changed: it only ever pushes an entry.
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl ArchiveWriter {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(Core::new()))
    }

    /// Adds a file. The path is taken as it is; lone surrogates from surrogateescape become bytes again.
    #[pyo3(signature = (path, data, /))]
    fn add_file(&self, path: &Bound<'_, PyString>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let (path, bytes) = (text::to_utf8(path)?, buffers::bytes(data)?);
        self.with(|writer| writer.add_file(&path, bytes)).or_raise(data.py())
    }

    /// Adds a symbolic link.
    #[pyo3(signature = (path, target, /))]
    fn add_link(&self, path: &Bound<'_, PyString>, target: &Bound<'_, PyString>) -> PyResult<()> {
        let (bytes, target) = (text::to_utf8(path)?, text::to_utf8(target)?);
        self.with(|writer| writer.add_link(&bytes, &target)).or_raise(path.py())
    }

    /// The archive so far: bare, or in a container compressed with lzfse, lz4, zlib, lzma, lzbitmap or none.
    ///
    /// Raises ValueError for another codec, ArchiveError for an archive without entries.
    #[pyo3(signature = (*, codec = None))]
    fn to_bytes<'py>(&self, py: Python<'py>, codec: Option<&str>) -> PyResult<Bound<'py, PyBytes>> {
        let codec = options::codec(codec)?;
        // A snapshot of the writer, which shares all data: the lock must not be held while the interpreter is released.
        let writer = self.with(|writer| writer.clone());
        let bytes = py.detach(|| writer.to_bytes(codec)).or_raise(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn __repr__(&self) -> String {
        "<ArchiveWriter>".to_owned()
    }
}
