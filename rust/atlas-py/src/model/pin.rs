//! Pinning a cache for a `with` block.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use atlas_core::memory::{CacheMemory, UnpinError};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

use crate::buffers;
use crate::errors::OrRaise;

/// Maps a cache, counted.
///
/// # Errors
/// What the core says.
pub fn pin(py: Python<'_>, memory: &Arc<CacheMemory>) -> PyResult<()> {
    py.detach(|| memory.pin()).or_raise(py)
}

/// Undoes one [`pin`].
///
/// # Errors
/// `BufferError` while views of the memory exist, `ValueError` where there is nothing to undo.
pub fn unpin(py: Python<'_>, memory: &Arc<CacheMemory>) -> PyResult<()> {
    py.detach(|| memory.unpin()).map_err(|error| match error {
        UnpinError::NotPinned => PyValueError::new_err(error.to_string()),
        UnpinError::InUse(_) => PyBufferError::new_err(error.to_string()),
    })
}

/// A cache that is pinned from `__enter__` to `__exit__`. Blocks may be nested, and one of these may serve several.
#[pyclass(frozen, module = "dyld_atlas._native")]
pub struct Pin {
    memory: Arc<CacheMemory>,
    /// What the blocks that were entered got.
    views: Mutex<Vec<Py<PyMemoryView>>>,
}

impl Pin {
    /// Pins nothing yet.
    pub fn new(memory: &Arc<CacheMemory>) -> Self {
        Self { memory: Arc::clone(memory), views: Mutex::new(Vec::new()) }
    }

    fn views(&self) -> MutexGuard<'_, Vec<Py<PyMemoryView>>> {
        // Nothing that calls Python runs under the lock.
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Pin {
    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        pin(py, &self.memory)?;
        let made = buffers::memory_view(py, self.memory.pinned().unwrap_or_default());
        match made {
            Ok(view) => {
                let kept = view.clone().unbind();
                self.views().push(kept);
                Ok(view)
            }
            Err(error) => unpin(py, &self.memory).and(Err(error)),
        }
    }

    /// Raises BufferError while views of the cache are in use. What the block raised counts for more: its traceback
    /// often holds such a view, so it gets a note, and the cache stays pinned.
    #[pyo3(signature = (_kind = None, value = None, _traceback = None, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: Option<&Bound<'_, PyAny>>,
        value: Option<&Bound<'_, PyAny>>,
        _traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        match (self.leave(py), value) {
            (Err(error), Some(raised)) if error.is_instance_of::<PyBufferError>(py) => {
                let note = format!("the cache stays pinned: {}", error.value(py));
                raised.call_method1(intern!(py, "add_note"), (note,)).map(drop)
            }
            (left, _) => left,
        }
    }

    fn __repr__(&self) -> String {
        format!("<Pin of a cache that is pinned {} times>", self.memory.pin_count())
    }
}

impl Pin {
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        let last = self.views().last().map(|view| view.clone_ref(py));
        if let Some(view) = last {
            // Raises BufferError while others look through this very view, which then stays usable.
            view.bind(py).call_method0(intern!(py, "release"))?;
            let released = self.views().pop();
            drop((view, released));
        }
        unpin(py, &self.memory)
    }
}
