//! A queue of changes that Python empties: by waiting, or from an event loop.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use atlas_core::notify::{self, Next};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::change::{Change, Latest};
use crate::errors::OrRaise;

/// How long Python's signal handlers may have to wait.
const SLICE: Duration = Duration::from_millis(100);

/// Every image that was there, then every change, for one reader.
#[pyclass(frozen, weakref, module = "dyld_atlas._native")]
pub struct Changes {
    /// `None` once closed.
    core: Mutex<Option<Arc<notify::Changes>>>,
    latest: Arc<Latest>,
    ended: AtomicBool,
}

/// A number of seconds that Python gave; `None` for one that no clock reaches.
///
/// # Errors
/// `ValueError` for one below zero, or none.
pub fn seconds(seconds: f64) -> PyResult<Option<Duration>> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(PyValueError::new_err(format!("seconds must not be below zero, and {seconds} is")));
    }
    Ok(Duration::try_from_secs_f64(seconds).ok())
}

impl Changes {
    /// A new queue.
    pub fn new(core: notify::Changes, latest: Arc<Latest>) -> Self {
        Self { core: Mutex::new(Some(Arc::new(core))), latest, ended: AtomicBool::new(false) }
    }

    fn core(&self) -> Option<Arc<notify::Changes>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[pymethods]
impl Changes {
    /// The next change; None where nothing came in time, or nothing will come any more.
    #[pyo3(signature = (timeout = None))]
    fn next<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Option<Bound<'py, Change>>> {
        let deadline = match timeout {
            Some(timeout) => seconds(timeout)?.and_then(|timeout| Instant::now().checked_add(timeout)),
            None => None,
        };
        let Some(core) = self.core() else { return Ok(None) };
        // What is there already costs no change of threads.
        let mut next = core.next(Some(Duration::ZERO)).or_raise(py)?;
        loop {
            match next {
                Next::Change(change) => return Change::new(py, &self.latest, &change).map(Some),
                Next::Ended(_) => {
                    self.ended.store(true, Ordering::Release);
                    return Ok(None);
                }
                Next::Nothing => {}
            }
            py.check_signals()?;
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            next = py.detach(|| core.next(Some(left.map_or(SLICE, |left| left.min(SLICE))))).or_raise(py)?;
        }
    }

    /// Whether nothing will come any more: the watcher was closed, or the process has exited.
    #[getter]
    fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) || self.core().is_none()
    }

    /// The number of a descriptor that can be read from exactly while next() would not wait. It must not be read from.
    #[cfg(unix)]
    fn fileno(&self) -> PyResult<i32> {
        use std::os::fd::{AsFd as _, AsRawFd as _};

        let closed = || PyValueError::new_err("the queue is closed");
        self.core().map(|core| core.as_fd().as_raw_fd()).ok_or_else(closed)
    }

    /// Unsubscribes.
    fn close(&self, py: Python<'_>) {
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(core));
    }
}
