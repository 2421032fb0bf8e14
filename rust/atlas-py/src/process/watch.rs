//! A process that is watched.

use std::sync::Arc;

use atlas_core::notify::{self, ProcessEvent, Watcher};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyInt;

use super::calls::Calls;
use super::change::Latest;
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

#[pymethods]
impl Watch {
    /// A queue of its own: every image that is there, then every change.
    fn changes(&self, py: Python<'_>) -> PyResult<Changes> {
        let core = self.core()?;
        let changes = py.detach(|| core.changes()).or_raise(py)?;
        Ok(Changes::new(changes, Arc::clone(&self.latest)))
    }

    /// A number for a callback to come.
    fn reserve(&self, py: Python<'_>) -> PyResult<u64> {
        self.core()?.reserve().or_raise(py)
    }

    /// Has calls() name this number for every image that is there, then for every change.
    #[pyo3(signature = (number, /))]
    fn subscribe(&self, py: Python<'_>, number: u64) -> PyResult<()> {
        let core = self.core()?;
        py.detach(|| core.subscribe(number)).or_raise(py)
    }

    /// Has calls() name this number whenever the event comes.
    #[pyo3(signature = (number, event, /))]
    fn on(&self, py: Python<'_>, number: u64, event: &Bound<'_, PyInt>) -> PyResult<()> {
        let core = self.core()?;
        let number_of = event.extract::<u32>().ok().filter(|event| *event <= ProcessEvent::MOST);
        let most = ProcessEvent::MOST;
        let event =
            number_of.ok_or_else(|| PyValueError::new_err(format!("events are 0 to {most}, and {event} is not")))?;
        py.detach(|| core.on(number, ProcessEvent(event))).or_raise(py)
    }

    /// The calls that are to be made; None while somebody makes them.
    fn calls(&self, py: Python<'_>) -> PyResult<Option<Calls>> {
        let calls = self.core()?.calls().or_raise(py)?;
        Ok(calls.map(|calls| Calls::new(calls, Arc::clone(&self.latest))))
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
    /// Waits for the thread, which may be reading.
    fn drop(&mut self) {
        let mut core = self.core.take();
        if Python::try_attach(|py| py.detach(|| drop(core.take()))).is_none() {
            drop(core);
        }
    }
}
