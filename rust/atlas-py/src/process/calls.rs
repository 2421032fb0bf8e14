//! The calls that are to be made for the callbacks of a watcher. Python makes them, on a thread of its own: an
//! interpreter that ends takes the threads that are in Python's code by force, and no frame of ours may lie in the way.

use std::sync::{Arc, Mutex, PoisonError};

use atlas_core::notify::{self, Happening};
use pyo3::prelude::*;

use super::change::{Change, Latest};

/// A call that is to be made.
#[pyclass(frozen, module = "dyld_atlas._native")]
pub struct Call {
    number: u64,
    happening: Happening,
    latest: Arc<Latest>,
}

#[pymethods]
impl Call {
    /// The number of the callback.
    #[getter]
    const fn number(&self) -> u64 {
        self.number
    }

    /// What it is to hear; None for an event, which is called for without.
    #[getter]
    fn change<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Change>>> {
        match &self.happening {
            Happening::Change(change) => Change::new(py, &self.latest, change).map(Some),
            Happening::Event => Ok(None),
        }
    }
}

/// The calls of one watcher, for the one thread that makes them. Does not keep the watcher alive.
#[pyclass(frozen, module = "dyld_atlas._native")]
pub struct Calls {
    core: Mutex<notify::Calls>,
    latest: Arc<Latest>,
}

impl Calls {
    /// Those of a watcher.
    pub const fn new(core: notify::Calls, latest: Arc<Latest>) -> Self {
        Self { core: Mutex::new(core), latest }
    }
}

#[pymethods]
impl Calls {
    /// Waits for the next call; the one before counts as made. None when none will come.
    fn next(&self, py: Python<'_>) -> Option<Call> {
        let due = py.detach(|| self.core.lock().unwrap_or_else(PoisonError::into_inner).next())?;
        Some(Call { number: due.number, happening: due.happening, latest: Arc::clone(&self.latest) })
    }
}
