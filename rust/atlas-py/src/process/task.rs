//! A process that is read.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use atlas_core::bytes::Mode;
use atlas_core::model::{Options, Snapshot as Core};
use atlas_core::notify::transport;
use atlas_core::notify::{TaskSource, WatchOptions, Watcher};
use atlas_core::task::{self, Publication, TaskMemory};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyType};

use super::change::Latest;
use super::changes::seconds;
use super::watch::Watch;
use crate::errors::OrRaise;
use crate::model::files::Files;
use crate::model::opening;
use crate::model::snapshot::Snapshot;

/// The memory of a process.
#[pyclass(frozen, weakref, module = "dyld_atlas._native")]
pub struct Task {
    pid: u32,
    /// `None` once closed.
    memory: Mutex<Option<Arc<dyn TaskMemory>>>,
    latest: Latest,
    /// What the process announced of the latest snapshot.
    announced: Mutex<Option<(Arc<Core>, Publication)>>,
    attempts: AtomicU32,
}

impl Task {
    /// What the process announced of a snapshot, if it is the last that was taken.
    fn announced(&self, core: &Arc<Core>) -> Option<Publication> {
        let announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        announced.as_ref().filter(|(last, _)| Arc::ptr_eq(last, core)).map(|(_, publication)| *publication)
    }

    fn memory(&self) -> PyResult<Arc<dyn TaskMemory>> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        memory.ok_or_else(|| PyValueError::new_err(format!("process {} was closed here", self.pid)))
    }
}

#[pymethods]
impl Task {
    /// Finds a process. Raises TaskGoneError, TaskAccessError, UnsupportedPlatformError.
    #[classmethod]
    #[pyo3(signature = (pid, /))]
    fn attach(class: &Bound<'_, PyType>, pid: &Bound<'_, PyInt>) -> PyResult<Self> {
        let py = class.py();
        let number = pid.extract::<u32>().ok().filter(|pid| *pid > 0 && i32::try_from(*pid).is_ok());
        let pid = number.ok_or_else(|| PyValueError::new_err(format!("no process has the number {pid}")))?;
        let memory: Arc<dyn TaskMemory> = py.detach(|| task::attach(pid)).or_raise(py)?.into();
        let (memory, announced) = (Mutex::new(Some(memory)), Mutex::new(None));
        Ok(Self { pid, memory, latest: Latest::default(), announced, attempts: AtomicU32::new(0) })
    }

    /// The number of the process.
    #[getter]
    fn pid(&self) -> u32 {
        self.pid
    }

    /// The process as it is now; the snapshot before where nothing has changed since.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Snapshot>> {
        let memory = self.memory()?;
        let latest = self.latest.get(py);
        let known = latest.as_ref().and_then(|(core, _)| self.announced(core));
        let taken = py.detach(|| task::take(&*memory, known, Options::default())).or_raise(py)?;
        self.attempts.store(taken.attempts, Ordering::Relaxed);
        let (mut opening, known) = match (taken.opening, latest) {
            (None, Some((_, object))) => return Ok(object),
            (Some(opening), latest) => (opening, latest),
            // Without a snapshot to compare with, there is always one.
            (None, None) => return Err(PyValueError::new_err("the process has no snapshot")),
        };
        if let Some((known, _)) = known {
            opening.offer_cache_of(&known);
        }
        let files = Files::new(None, Mode::Map)?;
        let core: Arc<Core> = Arc::new(opening::complete(py, opening, usize::MAX, &files)?);
        let announced = Some((Arc::clone(&core), taken.publication));
        let spent = std::mem::replace(&mut *self.announced.lock().unwrap_or_else(PoisonError::into_inner), announced);
        drop(spent);
        self.latest.object(py, &core)
    }

    /// How often the last snapshot was read until it was whole; 0 before the first.
    #[getter]
    fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Registers with the process and begins to watch it. reply_within: the longest time, in seconds, that it waits for
    /// handlers.
    #[pyo3(signature = (reply_within))]
    fn watch(&self, py: Python<'_>, reply_within: f64) -> PyResult<Watch> {
        let too_long = || PyValueError::new_err(format!("{reply_within} seconds are more than a clock can count"));
        let reply_within = seconds(reply_within)?.ok_or_else(too_long)?;
        let (pid, task) = (self.pid, self.memory()?);
        // An import holds the interpreter while dyld loads the extension: callbacks would be waited for in vain.
        let reply_within = if pid == std::process::id() { Duration::ZERO } else { reply_within };
        let start = move || {
            let source = Box::new(TaskSource::new(task, Options::default()));
            Watcher::start(transport::open(pid)?, source, WatchOptions { reply_within, current: None })
        };
        Ok(Watch::new(py.detach(start).or_raise(py)?))
    }

    /// Lets go of the process. Watchers go on.
    fn close(&self) {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner).take();
        let announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop((memory, announced));
        self.latest.forget();
    }

    /// Whether it was let go of.
    #[getter]
    fn closed(&self) -> bool {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}
