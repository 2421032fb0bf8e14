//! The check of an atlas, entry by entry.

use atlas_core::cache;
use atlas_core::schema::Policy;
use pyo3::prelude::*;

use crate::errors::OrRaise;
use crate::{buffers, detach};

/// Checks the property list at a path of an atlas as opening a cache with it would.
///
/// Gives the numbers of images and of files, and warnings if lenient. Raises PlistError, SchemaError, LimitExceededError.
#[pyfunction]
#[pyo3(signature = (data, path, /, *, lenient = false))]
pub fn check_atlas_entry(data: &Bound<'_, PyAny>, path: &str, lenient: bool) -> PyResult<(u32, usize, Vec<String>)> {
    let (py, bytes) = (data.py(), buffers::bytes(data)?);
    let policy = Policy { lenient, ..Policy::default() };
    detach::where_large(py, bytes.len(), || cache::check(bytes, path, policy)).or_raise(py)
}
