//! One change, and the snapshots that changes belong to.

use std::sync::{Arc, Mutex, TryLockError};

use atlas_core::bytes::Mode;
use atlas_core::model::{Image as CoreImage, Snapshot as Core};
use atlas_core::notify;
use pyo3::prelude::*;

use crate::enums;
use crate::model::files::Files;
use crate::model::image::Image;
use crate::model::memory::Bodies;
use crate::model::snapshot::Snapshot;

/// An image that was loaded or unloaded. One that moved was unloaded, then loaded.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct Change {
    kind: notify::ChangeKind,
    image: Py<Image>,
    snapshot: Py<Snapshot>,
    initial: bool,
}

/// The object of the snapshot that was asked for last. Changes come in batches, and all of one share their snapshot.
#[derive(Default)]
pub struct Latest(Mutex<Option<(Arc<Core>, Py<Snapshot>)>>);

impl Latest {
    /// The object of `core`.
    ///
    /// # Errors
    /// What making it raises.
    pub fn object<'py>(&self, py: Python<'py>, core: &Arc<Core>) -> PyResult<Bound<'py, Snapshot>> {
        // Nobody waits here: a child that was forked meanwhile would wait for ever.
        let mut latest = match self.0.try_lock() {
            Ok(latest) => Some(latest),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(Some((known, object))) = latest.as_deref()
            && Arc::ptr_eq(known, core)
        {
            return Ok(object.bind(py).clone());
        }
        let object = Bound::new(py, Snapshot::new(Arc::clone(core), Files::new(None, Mode::Map)?))?;
        let spent =
            latest.as_deref_mut().and_then(|latest| latest.replace((Arc::clone(core), object.clone().unbind())));
        drop(latest);
        drop(spent);
        Ok(object)
    }

    /// The snapshot that was asked for last, and its object.
    pub fn get<'py>(&self, py: Python<'py>) -> Option<(Arc<Core>, Bound<'py, Snapshot>)> {
        let latest = self.0.try_lock().ok()?;
        latest.as_ref().map(|(core, object)| (Arc::clone(core), object.bind(py).clone()))
    }

    /// Lets go of it.
    pub fn forget(&self) {
        let spent = self.0.try_lock().ok().and_then(|mut latest| latest.take());
        drop(spent);
    }
}

/// The object of an image: the snapshot's own where it has it, so that it is made once.
fn image_object<'py>(
    py: Python<'py>,
    snapshot: &Bound<'py, Snapshot>,
    image: &CoreImage,
) -> PyResult<Bound<'py, Image>> {
    let images = snapshot.get().image_objects(py)?;
    if Arc::ptr_eq(images.set(), image.set()) {
        return images.get(py, image.index() as usize).cloned();
    }
    // One that was unloaded is of a snapshot that nobody may ever have asked for.
    image.set().keep_companion(Bodies::from(Files::new(None, Mode::Map)?));
    Image::new(py, image.set(), image.index() as usize)
}

impl Change {
    /// What the core tells of a change.
    ///
    /// # Errors
    /// What making its objects raises.
    pub fn new<'py>(py: Python<'py>, latest: &Latest, change: &notify::Change) -> PyResult<Bound<'py, Self>> {
        let snapshot = latest.object(py, &change.snapshot)?;
        let image = image_object(py, &snapshot, &change.image)?.unbind();
        let (kind, initial) = (change.kind, change.initial);
        Bound::new(py, Self { kind, image, snapshot: snapshot.unbind(), initial })
    }
}

#[pymethods]
impl Change {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("kind", "image")
    }

    /// Whether the image was loaded or unloaded.
    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let value = match self.kind {
            notify::ChangeKind::Loaded => "loaded",
            notify::ChangeKind::Unloaded => "unloaded",
        };
        enums::CHANGE_KIND.named(py, value)
    }

    /// The image: of the snapshot if it was loaded, of the one before if it was unloaded.
    #[getter]
    fn image<'py>(&self, py: Python<'py>) -> Bound<'py, Image> {
        self.image.bind(py).clone()
    }

    /// The process after the change.
    #[getter]
    fn snapshot<'py>(&self, py: Python<'py>) -> Bound<'py, Snapshot> {
        self.snapshot.bind(py).clone()
    }

    /// Whether the image was there before anybody asked: part of the list that comes first.
    #[getter]
    fn initial(&self) -> bool {
        self.initial
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let kind = match self.kind {
            notify::ChangeKind::Loaded => "loaded",
            notify::ChangeKind::Unloaded => "unloaded",
        };
        let initial = if self.initial { " initial" } else { "" };
        Ok(format!("<Change {kind}{initial} {}>", self.image.bind(py).repr()?.to_string_lossy()))
    }
}

part!(Change, "a Change, which is a part of its snapshot: pickle the Snapshot");
