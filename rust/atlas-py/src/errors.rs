//! The one place where an error of the core becomes a Python exception.
//!
//! The classes are Python (`dyld_atlas.errors`), because a class of the stable ABI of 3.11 cannot extend a built-in
//! one. They are looked up when the first error is raised, so that importing the module costs nothing.

use atlas_core::error::{Mismatch, SystemStatus, TaskFailure, kern_return_name};
use atlas_core::{Error, ErrorKind};
use pyo3::exceptions::PyOSError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyType};

use crate::options::FileIdentifier;

/// Where the classes live.
const MODULE: &str = "dyld_atlas.errors";

macro_rules! class {
    ($py:ident, $name:literal) => {{
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        CLASS.import($py, MODULE, $name)
    }};
}

/// A result of the core on its way to Python.
pub trait OrRaise<T> {
    /// The value, or the Python exception that says what is wrong and where.
    ///
    /// # Errors
    /// The exception.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for atlas_core::Result<T> {
    #[inline]
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error))
    }
}

/// The Python exception of `error`.
#[cold]
pub fn exception(py: Python<'_>, error: &Error) -> PyErr {
    // An import error of the classes themselves is the exception then: there is nothing better to say.
    build(py, error).unwrap_or_else(|import_error| import_error)
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let keywords = PyDict::new(py);
    let class = match error.kind() {
        ErrorKind::Archive(mismatch) => describe(&keywords, mismatch).and(class!(py, "ArchiveError")),
        ErrorKind::Plist(mismatch) => describe(&keywords, mismatch).and(class!(py, "PlistError")),
        ErrorKind::Schema(mismatch) => describe(&keywords, mismatch).and(class!(py, "SchemaError")),
        ErrorKind::MachO(mismatch) => describe(&keywords, mismatch).and(class!(py, "MachOError")),
        ErrorKind::Cache(mismatch) => describe(&keywords, mismatch).and(class!(py, "CacheError")),
        ErrorKind::Limit { limit, requested, .. } => {
            keywords.set_item(intern!(py, "limit"), limit)?;
            keywords.set_item(intern!(py, "requested"), requested)?;
            class!(py, "LimitExceededError")
        }
        ErrorKind::MissingData(identifier) => {
            keywords.set_item(intern!(py, "identifier"), FileIdentifier::from(identifier.clone()))?;
            class!(py, "MissingDataError")
        }
        ErrorKind::UnmappedAddress(address) => {
            keywords.set_item(intern!(py, "address"), address)?;
            class!(py, "UnmappedAddressError")
        }
        ErrorKind::Mach { call, kern_return } => {
            failed(&keywords, call, SystemStatus::KernReturn(*kern_return), None).and(class!(py, "MachError"))
        }
        ErrorKind::TaskAccess(TaskFailure { call, pid, status }) => {
            failed(&keywords, call, *status, *pid).and(class!(py, "TaskAccessError"))
        }
        ErrorKind::TaskGone(TaskFailure { call, pid, status }) => {
            failed(&keywords, call, *status, *pid).and(class!(py, "TaskGoneError"))
        }
        ErrorKind::SnapshotTorn { attempts, .. } => {
            keywords.set_item(intern!(py, "attempts"), attempts)?;
            class!(py, "SnapshotTornError")
        }
        ErrorKind::Watcher(_) => class!(py, "WatcherError"),
        ErrorKind::UnsupportedPlatform(_) => class!(py, "UnsupportedPlatformError"),
        ErrorKind::Io { path, source } => return refused(py, path, source),
        // `ErrorKind` is non-exhaustive; a kind that this crate does not know yet is still an error of the family.
        _ => class!(py, "AtlasError"),
    }?;
    keywords.set_item(intern!(py, "code"), error.kind().code())?;
    if let Some(hint) = error.hint() {
        keywords.set_item(intern!(py, "hint"), hint)?;
    }
    let at = error.location();
    if let Some(entry) = &at.entry {
        keywords.set_item(intern!(py, "entry"), entry)?;
    }
    if let Some(key_path) = &at.key_path {
        keywords.set_item(intern!(py, "key_path"), key_path)?;
    }
    if let Some(offset) = at.offset {
        keywords.set_item(intern!(py, "offset"), offset)?;
    }
    Ok(PyErr::from_value(class.call((error.to_string(),), Some(&keywords))?))
}

fn describe(keywords: &Bound<'_, PyDict>, mismatch: &Mismatch) -> PyResult<()> {
    keywords.set_item(intern!(keywords.py(), "expected"), mismatch.expected.as_ref())?;
    keywords.set_item(intern!(keywords.py(), "found"), mismatch.found.as_ref())
}

/// The call into another process, and what the operating system said of it.
fn failed(keywords: &Bound<'_, PyDict>, call: &str, status: SystemStatus, pid: Option<u32>) -> PyResult<()> {
    let py = keywords.py();
    keywords.set_item(intern!(py, "call"), call)?;
    match status {
        SystemStatus::KernReturn(code) => {
            keywords.set_item(intern!(py, "kern_return"), code)?;
            keywords.set_item(intern!(py, "kern_return_name"), kern_return_name(code))?;
        }
        SystemStatus::Errno(code) => keywords.set_item(intern!(py, "errno"), code)?,
    }
    match pid {
        Some(pid) => keywords.set_item(intern!(py, "pid"), pid),
        None => Ok(()),
    }
}

/// What Python itself raises for a file: the subclass of `OSError` that fits the number, with the file's name.
fn refused(py: Python<'_>, path: &std::path::Path, source: &std::io::Error) -> PyResult<PyErr> {
    const INPUT_OUTPUT_ERROR: i32 = 5;
    let filename = path.as_os_str().into_pyobject(py)?;
    let (number, message) = match source.raw_os_error() {
        Some(number) => (number, py.import("os")?.call_method1("strerror", (number,))?.cast_into::<PyString>()?),
        None => (INPUT_OUTPUT_ERROR, PyString::new(py, &source.to_string())),
    };
    Ok(PyOSError::new_err((number, message.unbind(), filename.unbind())))
}
