//! Objects that are made once and then kept.

use std::sync::OnceLock;

use pyo3::prelude::*;

/// A place for an object. `PyOnceLock` would let go of the interpreter and take it back around each first use, which
/// costs more than most of the objects; what is kept here is made first, and stored by an operation that calls nothing.
pub type Kept<T = PyAny> = OnceLock<Py<T>>;

/// The object that `cell` keeps, made at the first call. Where threads meet, one object stays, and all get that.
///
/// # Errors
/// What making it raises.
#[inline]
pub fn keep<'a, 'py, T>(
    cell: &'a Kept<T>,
    py: Python<'py>,
    make: impl FnOnce() -> PyResult<Bound<'py, T>>,
) -> PyResult<&'a Bound<'py, T>> {
    if let Some(kept) = cell.get() {
        return Ok(kept.bind(py));
    }
    let made = make()?.unbind();
    Ok(cell.get_or_init(|| made).bind(py))
}
