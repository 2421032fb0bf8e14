//! Finding caches on this machine.

use std::path::{Path, PathBuf};

use atlas_core::cache::discovery;
use atlas_core::model::{OpenCacheOptions, SharedCache as Core};
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::intern;
use pyo3::prelude::*;

use super::shared_cache::{self, SharedCache};
use crate::errors::{self, OrRaise};
use crate::options::LocalPath;

/// `SharedCache.find`.
///
/// # Errors
/// `OSError` where the folder cannot be read.
pub fn find(py: Python<'_>, folder: LocalPath) -> PyResult<Vec<Bound<'_, SharedCache>>> {
    let paths = py.detach(|| discovery::find(&folder.0)).or_raise(py)?;
    open(py, paths)
}

/// `SharedCache.installed`.
///
/// # Errors
/// As the warnings filter has it.
pub fn installed(py: Python<'_>, root: Option<LocalPath>) -> PyResult<Vec<Bound<'_, SharedCache>>> {
    let root = root.map_or_else(|| Path::new("/").to_owned(), |root| root.0);
    open(py, py.detach(|| discovery::installed(&root)))
}

/// Opens what can be opened, and warns of the rest.
fn open(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Vec<Bound<'_, SharedCache>>> {
    let mut caches = Vec::with_capacity(paths.len());
    for path in paths {
        match py.detach(|| Core::open(&path, OpenCacheOptions::default())) {
            Ok(cache) => caches.push(shared_cache::object(py, &cache)?),
            Err(error) => {
                let error = errors::exception(py, &error).into_value(py);
                warn(py, &format!("{}: {}", path.display(), error.bind(py).str()?.to_string_lossy()))?;
            }
        }
    }
    Ok(caches)
}

/// Warns of something that was passed over, as if the caller of this module had.
///
/// # Errors
/// The warning itself, where the caller's filters make it one.
pub fn warn(py: Python<'_>, text: &str) -> PyResult<()> {
    let warn = py.import("warnings")?.getattr(intern!(py, "warn"))?;
    warn.call1((text, py.get_type::<PyRuntimeWarning>(), 1)).map(drop)
}
