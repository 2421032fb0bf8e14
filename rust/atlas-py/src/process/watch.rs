//! A process that is watched.

use std::sync::Arc;

use atlas_core::notify::{self, ProcessEvent, Watcher};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::change::{Change, Latest};
use super::changes::Changes;
use crate::errors::{self, OrRaise};
use crate::model::snapshot::Snapshot;

/// A registration with a process.
#[pyclass(frozen, weakref, module = "dyld_atlas._native")]
pub struct Watch {
    /// Taken by nobody but the end.
    core: Option<Watcher>,
    latest: Arc<Latest>,
}

impl Watch {
    /// What was registered.
    pub fn new(core: Watcher) -> Self {
        Self { core: Some(core), latest: Arc::default() }
    }

    fn core(&self) -> PyResult<&Watcher> {
        self.core.as_ref().ok_or_else(|| PyTypeError::new_err("the watcher is gone"))
    }
}

/// Calls `call`; what it raises is reported, as what a thread or a destructor raises is. An interpreter that is about to end
/// calls nothing any more.
fn call(callback: &Py<PyAny>, call: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>) {
    let _ = Python::try_attach(|py| {
        if let Err(error) = call(py) {
            error.write_unraisable(py, Some(callback.bind(py)));
        }
    });
}

/// # Errors
/// `TypeError` for what cannot be called.
fn callable(callback: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if !callback.is_callable() {
        let class = callback.get_type().name()?;
        return Err(PyTypeError::new_err(format!("a callback must be callable, and {class} is not")));
    }
    Ok(callback.clone().unbind())
}

#[pymethods]
impl Watch {
    /// A queue of its own: every image that is there, then every change.
    fn changes(&self, py: Python<'_>) -> PyResult<Changes> {
        let core = self.core()?;
        let changes = py.detach(|| core.changes()).or_raise(py)?;
        Ok(Changes::new(changes, Arc::clone(&self.latest)))
    }

    /// Calls callback(change) for every image that is there, then for every change.
    #[pyo3(signature = (callback, /))]
    fn subscribe(&self, py: Python<'_>, callback: &Bound<'_, PyAny>) -> PyResult<u64> {
        let (core, callback, latest) = (self.core()?, callable(callback)?, Arc::clone(&self.latest));
        let handler = move |change: &notify::Change| {
            call(&callback, |py| callback.call1(py, (Change::new(py, &latest, change)?,)));
        };
        py.detach(|| core.subscribe(Box::new(handler))).or_raise(py)
    }

    /// Calls callback() whenever the event comes.
    #[pyo3(signature = (event, callback, /))]
    fn on(&self, py: Python<'_>, event: u32, callback: &Bound<'_, PyAny>) -> PyResult<u64> {
        let (core, callback) = (self.core()?, callable(callback)?);
        let handler = move || call(&callback, |py| callback.call0(py));
        py.detach(|| core.on(ProcessEvent(event), Box::new(handler))).or_raise(py)
    }

    /// Strikes a callback off; whether there was one of that number.
    #[pyo3(signature = (handle, /))]
    fn unsubscribe(&self, py: Python<'_>, handle: u64) -> PyResult<bool> {
        let core = self.core()?;
        py.detach(|| core.unsubscribe(handle)).or_raise(py)
    }

    /// The last snapshot that was told of.
    #[getter]
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Snapshot>> {
        let snapshot = self.core()?.snapshot().or_raise(py)?;
        self.latest.object(py, &snapshot)
    }

    /// Where the registration stands.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.core()?.state().or_raise(py)?.name())
    }

    /// Why nothing more will come: "closed", "exited" or "failed"; None while something may.
    #[getter]
    fn end(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        Ok(self.core()?.end().or_raise(py)?.map(|end| match end {
            notify::End::Closed => "closed",
            notify::End::Exited => "exited",
            notify::End::Failed(_) => "failed",
        }))
    }

    /// What was wrong with the last snapshot that could not be taken, as an exception; None if nothing was.
    #[getter]
    fn trouble(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let trouble = self.core()?.trouble().or_raise(py)?;
        Ok(trouble.map(|error| errors::exception(py, &error).into_value(py).into_any()))
    }

    /// Ends everything.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.core()?;
        py.detach(|| core.close());
        self.latest.forget();
        Ok(())
    }
}

impl Drop for Watch {
    /// Waits for the threads, and one of them may be waiting for the interpreter.
    fn drop(&mut self) {
        let mut core = self.core.take();
        if Python::try_attach(|py| py.detach(|| drop(core.take()))).is_none() {
            drop(core);
        }
    }
}
