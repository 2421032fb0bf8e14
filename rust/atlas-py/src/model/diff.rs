//! What changed between two snapshots.

use std::sync::Arc;

use atlas_core::model::{self, Image as CoreImage};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use super::images::{Images, Selection, out_of_range};
use super::snapshot::Snapshot;
use crate::detach;
use crate::sequences::{Items, LazySequence};

/// What changed from one snapshot to another; true where something did.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct SnapshotDiff {
    loaded: Arc<Selection>,
    unloaded: Arc<Selection>,
    moved: Arc<Moved>,
}

/// Pairs of indices, into the old list and the new one.
struct Moved {
    old: Arc<Images>,
    new: Arc<Images>,
    pairs: Box<[(u32, u32)]>,
}

impl Items for Moved {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let &(old, new) = self.pairs.get(index).ok_or_else(out_of_range)?;
        (self.old.get(py, old as usize)?, self.new.get(py, new as usize)?).into_bound_py_any(py)
    }
}

/// What changed from the old snapshot to the new one, by UUID (by path where there is none) and address. O(n + d log d).
#[pyfunction]
#[pyo3(signature = (old, new, /))]
pub fn diff<'py>(old: &Bound<'py, Snapshot>, new: &Bound<'py, Snapshot>) -> PyResult<SnapshotDiff> {
    /// Bytes that are compared for one image, about.
    const IMAGE: usize = 50;
    let py = old.py();
    let (old, new) = (old.get().image_objects(py)?, new.get().image_objects(py)?);
    let count = old.count().saturating_add(new.count());
    let found = detach::where_large(py, count.saturating_mul(IMAGE), || model::diff(old.set(), new.set()));
    let places = |images: Vec<CoreImage>| images.into_iter().map(|image| image.index());
    Ok(SnapshotDiff {
        loaded: Selection::new(&new, places(found.loaded)),
        unloaded: Selection::new(&old, places(found.unloaded)),
        moved: Arc::new(Moved {
            pairs: found.moved.iter().map(|(old, new)| (old.index(), new.index())).collect(),
            old,
            new,
        }),
    })
}

#[pymethods]
impl SnapshotDiff {
    /// Images that only the new snapshot has, in its order.
    #[getter]
    fn loaded<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        LazySequence::new(py, Arc::<Selection>::clone(&self.loaded))
    }

    /// Images that only the old snapshot has, in its order.
    #[getter]
    fn unloaded<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        LazySequence::new(py, Arc::<Selection>::clone(&self.unloaded))
    }

    /// Files that both have, at different addresses: the old image and the new one.
    #[getter]
    fn moved<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        LazySequence::new(py, Arc::<Moved>::clone(&self.moved))
    }

    fn __bool__(&self) -> bool {
        self.loaded.len() + self.unloaded.len() + self.moved.len() != 0
    }

    fn __repr__(&self) -> String {
        let (loaded, unloaded, moved) = (self.loaded.len(), self.unloaded.len(), self.moved.len());
        format!("<SnapshotDiff loaded={loaded} unloaded={unloaded} moved={moved}>")
    }
}

part!(SnapshotDiff, "a SnapshotDiff, which is made of two snapshots: pickle these");
