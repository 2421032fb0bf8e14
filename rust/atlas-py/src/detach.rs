//! When to let other threads of Python run.

use pyo3::marker::Ungil;
use pyo3::prelude::*;

/// Below this many bytes, work takes a few microseconds: less than another thread may take to give the interpreter
/// back.
const LARGE: usize = 64 << 10;

/// Does `work` on `size` bytes, with the interpreter released where that is worth it.
pub fn where_large<T: Ungil>(py: Python<'_>, size: usize, work: impl FnOnce() -> T + Ungil) -> T {
    if size < LARGE { work() } else { py.detach(work) }
}
