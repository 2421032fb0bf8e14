//! Apple Archives: entries, data, checksums.

use std::sync::Arc;

use atlas_core::archive::{Archive as Core, Entry, FieldValue};
use atlas_core::bytes::{Bytes, Mode};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMappingProxy, PyMemoryView, PyString, PyType};

use crate::errors::OrRaise;
use crate::options::{Limits, LocalPath};
use crate::sequences::{Items, LazySequence};
use crate::{buffers, detach, text};

/// An Apple Archive (AA01, YAA1), also inside a pbz? container.
///
/// A wrong checksum does not stop opening: see checksum_ok. Indexing by path follows links and gives the data of the
/// file; of a repeated path the first entry counts.
#[pyclass(frozen, mapping, weakref, module = "dyld_atlas.formats")]
pub struct Archive(Arc<Core>);

impl Archive {
    fn find<'a>(&'a self, path: &Bound<'_, PyString>) -> Option<Entry<'a>> {
        // A path with surrogates that stand for no byte is in no archive.
        self.0.find_bytes(&text::to_utf8(path).ok()?)
    }
}

#[pymethods]
impl Archive {
    /// Reads an archive. Raises ArchiveError, LimitExceededError.
    #[classmethod]
    #[pyo3(signature = (data, /, *, limits = None))]
    fn from_bytes(
        _class: &Bound<'_, PyType>,
        data: &Bound<'_, PyAny>,
        limits: Option<&Bound<'_, Limits>>,
    ) -> PyResult<Self> {
        let py = data.py();
        let (bytes, limits) = (buffers::bytes(data)?, Limits::or_default(limits));
        let archive = detach::where_large(py, bytes.len(), || Core::from_bytes(bytes, &limits));
        Ok(Self(Arc::new(archive.or_raise(py)?)))
    }

    /// Reads the archive at a path. It is read, not mapped: nothing done to the file later matters. Raises ArchiveError,
    /// LimitExceededError, OSError.
    #[classmethod]
    #[pyo3(signature = (path, /, *, limits = None))]
    fn open(class: &Bound<'_, PyType>, path: LocalPath, limits: Option<&Bound<'_, Limits>>) -> PyResult<Self> {
        let (py, limits) = (class.py(), Limits::or_default(limits));
        let archive = py.detach(|| Core::from_bytes(Bytes::open(&path.0, Mode::Copy)?, &limits));
        Ok(Self(Arc::new(archive.or_raise(py)?)))
    }

    /// How the container is compressed: lzfse, lz4, zlib, lzma, lzbitmap, none. None without a container.
    #[getter]
    fn codec(&self) -> Option<&'static str> {
        self.0.codec().map(|codec| codec.name())
    }

    /// Whether all checksums are right; None where there is none.
    #[getter]
    fn checksum_ok(&self, py: Python<'_>) -> Option<bool> {
        detach::where_large(py, self.0.decoded().len(), || self.0.checksum()).ok()
    }

    /// Every entry, in the order of the file.
    #[getter]
    fn entries<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        LazySequence::new(py, Arc::new(Entries(Arc::clone(&self.0))))
    }

    fn __contains__(&self, path: &Bound<'_, PyAny>) -> bool {
        path.cast::<PyString>().is_ok_and(|path| self.find(path).is_some())
    }

    fn __getitem__<'py>(&self, path: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyMemoryView>> {
        match self.find(path) {
            Some(entry) => buffers::memory_view(path.py(), entry.data()),
            None => Err(PyKeyError::new_err(path.clone().unbind())),
        }
    }

    fn __repr__(&self) -> String {
        let codec = self.codec().map_or_else(String::new, |codec| format!(" codec={codec}"));
        format!("<Archive{codec} entries={}>", self.0.len())
    }
}

struct Entries(Arc<Core>);

impl Items for Entries {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        ArchiveEntry { archive: Arc::clone(&self.0), index }.into_bound_py_any(py)
    }
}

/// One record of an archive.
#[pyclass(frozen, weakref, module = "dyld_atlas.formats")]
pub struct ArchiveEntry {
    archive: Arc<Core>,
    index: usize,
}

impl ArchiveEntry {
    fn entry(&self) -> Option<Entry<'_>> {
        self.archive.entry(self.index)
    }
}

#[pymethods]
impl ArchiveEntry {
    /// The path as it stands, empty where there is none. Bytes that are no UTF-8 survive as lone surrogates.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text::utf8(py, self.entry().and_then(|entry| entry.path()).unwrap_or_default())
    }

    /// One letter: F file, D directory, L link, M metadata, ...; empty where there is none.
    #[getter]
    fn kind(&self) -> String {
        self.entry().and_then(|entry| entry.kind()).map(char::from).into_iter().collect()
    }

    /// Bytes of data.
    #[getter]
    fn size(&self) -> u64 {
        self.entry().map_or(0, |entry| entry.size())
    }

    /// Where a link points, as it stands.
    #[getter]
    fn link_target<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.entry().and_then(|entry| entry.link_target()).map(|target| text::utf8(py, target)).transpose()
    }

    /// Every field by its three-letter key, of a repeated one the first: numbers as int, text as str, digests as bytes, times
    /// as int nanoseconds, blobs as their size, flags as True.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        let fields = PyDict::new(py);
        for (key, value) in self.entry().into_iter().flat_map(|entry| entry.fields()) {
            let key = text::utf8(py, &key.0)?;
            if fields.contains(&key)? {
                continue;
            }
            let value = match value {
                FieldValue::Flag => true.into_bound_py_any(py),
                FieldValue::Unsigned(number) => number.into_bound_py_any(py),
                FieldValue::Text(text) => text::utf8(py, text).map(Bound::into_any),
                FieldValue::Digest(digest) => Ok(PyBytes::new(py, digest).into_any()),
                FieldValue::Time { seconds, nanoseconds } => {
                    // 64 + 30 bits: it cannot overflow.
                    (i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)).into_bound_py_any(py)
                }
                FieldValue::Blob { size, .. } => size.into_bound_py_any(py),
            }?;
            fields.set_item(key, value)?;
        }
        Ok(PyMappingProxy::new(py, fields.as_mapping()))
    }

    /// Whether the entry's checksums are right; None where it carries none.
    #[getter]
    fn checksum_ok(&self, py: Python<'_>) -> Option<bool> {
        let entry = self.entry()?;
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        detach::where_large(py, size, || entry.checksum()).ok()
    }

    /// The data, not copied.
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        buffers::memory_view(py, self.entry().map(|entry| entry.data()).unwrap_or_default())
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let other = other.get();
        Arc::ptr_eq(&self.archive, &other.archive) && self.index == other.index
    }

    fn __hash__(&self) -> usize {
        (Arc::as_ptr(&self.archive) as usize).rotate_right(4) ^ self.index
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<ArchiveEntry {} {} size={}>", self.kind(), self.path(py)?.repr()?.to_string_lossy(), self.size()))
    }
}

part!(Archive, "an Archive: pickle its bytes");
part!(ArchiveEntry, "an ArchiveEntry, which is a part of its archive: pickle its data()");
