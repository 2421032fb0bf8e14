//! `Limits` and `FileIdentifier`, small values that callers make, and the paths of files on this machine.

use std::path::PathBuf;

use atlas_core::compress::Codec;
use pyo3::IntoPyObjectExt;
use pyo3::PyTypeInfo;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use crate::{text, uuids};

/// Upper bounds for untrusted input; a breach raises LimitExceededError.
#[pyclass(frozen, eq, hash, weakref, module = "dyld_atlas")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits(atlas_core::Limits);

impl Limits {
    /// The limits that a caller gave, or the default.
    pub fn or_default(limits: Option<&Bound<'_, Self>>) -> atlas_core::Limits {
        limits.map_or(atlas_core::Limits::DEFAULT, |limits| limits.get().0)
    }
}

impl From<atlas_core::Limits> for Limits {
    fn from(limits: atlas_core::Limits) -> Self {
        Self(limits)
    }
}

const DEFAULT: atlas_core::Limits = atlas_core::Limits::DEFAULT;

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (*, decoded_bytes = DEFAULT.decoded_bytes, images = DEFAULT.images, depth = DEFAULT.depth),
           text_signature = "(*, decoded_bytes=1073741824, images=1048576, depth=512)")]
    fn new(decoded_bytes: u64, images: u32, depth: u32) -> Self {
        Self(atlas_core::Limits { decoded_bytes, images, depth })
    }

    /// Most bytes that a compressed container may decode to, and most bytes that one property list may yield.
    #[getter]
    fn decoded_bytes(&self) -> u64 {
        self.0.decoded_bytes
    }

    /// Most images in one record.
    #[getter]
    fn images(&self) -> u32 {
        self.0.images
    }

    /// Deepest nesting of a property list.
    #[getter]
    fn depth(&self) -> u32 {
        self.0.depth
    }

    fn __repr__(&self) -> String {
        let atlas_core::Limits { decoded_bytes, images, depth } = self.0;
        format!("Limits(decoded_bytes={decoded_bytes}, images={images}, depth={depth})")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Recipe<'py>> {
        let keywords = PyDict::new(py);
        keywords.set_item(intern!(py, "decoded_bytes"), self.0.decoded_bytes)?;
        keywords.set_item(intern!(py, "images"), self.0.images)?;
        keywords.set_item(intern!(py, "depth"), self.0.depth)?;
        recipe::<Self>(keywords)
    }
}

/// What names a file: a UUID, a path, or both.
#[pyclass(frozen, eq, hash, weakref, module = "dyld_atlas")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FileIdentifier(atlas_core::identifier::FileIdentifier);

impl From<atlas_core::identifier::FileIdentifier> for FileIdentifier {
    fn from(identifier: atlas_core::identifier::FileIdentifier) -> Self {
        Self(identifier)
    }
}

#[pymethods]
impl FileIdentifier {
    #[new]
    #[pyo3(signature = (*, uuid = None, path = None))]
    fn new(uuid: Option<&Bound<'_, PyAny>>, path: Option<&Bound<'_, PyString>>) -> PyResult<Self> {
        let uuid = uuid.map(uuids::argument).transpose()?;
        let path = path.map(text::to_utf8).transpose()?.map(Into::into);
        Ok(Self(atlas_core::identifier::FileIdentifier { uuid, path }))
    }

    /// The UUID of the Mach-O file or the cache.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.uuid.map(|uuid| uuids::new(py, uuid)).transpose()
    }

    /// The path on the machine that the record came from; bytes that are no text are surrogates (os.fsdecode).
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.0.path.as_ref().map(|path| text::utf8(py, path.as_bytes())).transpose()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = String::from("FileIdentifier(");
        if let Some(uuid) = &self.0.uuid {
            text += &format!("uuid=UUID('{uuid}')");
        }
        if let Some(path) = self.path(py)? {
            let comma = if self.0.uuid.is_some() { ", " } else { "" };
            text += &format!("{comma}path={}", path.repr()?);
        }
        Ok(text + ")")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Recipe<'py>> {
        let keywords = PyDict::new(py);
        keywords.set_item(intern!(py, "uuid"), self.uuid(py)?.into_bound_py_any(py)?)?;
        keywords.set_item(intern!(py, "path"), self.path(py)?)?;
        recipe::<Self>(keywords)
    }
}

/// The codec of a container that a caller wants; `None` for none.
///
/// # Errors
/// `ValueError` for one that there is not.
pub fn codec(name: Option<&str>) -> PyResult<Option<Codec>> {
    let unknown = |name: &str| PyValueError::new_err(format!("no codec is named {name:?}"));
    name.map(|name| Codec::from_name(name).ok_or_else(|| unknown(name))).transpose()
}

/// What pickle calls to make an object again, and with which arguments.
type Recipe<'py> = (Bound<'py, PyAny>, (Bound<'py, PyType>, Bound<'py, PyTuple>, Bound<'py, PyDict>));

/// The recipe for an object whose constructor takes keywords.
fn recipe<T: PyTypeInfo>(keywords: Bound<'_, PyDict>) -> PyResult<Recipe<'_>> {
    let py = keywords.py();
    let make = py.import("copyreg")?.getattr("__newobj_ex__")?;
    Ok((make, (py.get_type::<T>(), PyTuple::empty(py), keywords)))
}

/// The path of a file on this machine: `str` or `os.PathLike`.
pub struct LocalPath(pub PathBuf);

impl<'py> FromPyObject<'_, 'py> for LocalPath {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let path: PathBuf = object.extract()?;
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(PyValueError::new_err("embedded null byte"));
        }
        Ok(Self(path))
    }
}

itself!(Limits);
itself!(FileIdentifier);
