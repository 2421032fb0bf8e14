//! What changed between two snapshots.

use std::sync::Arc;

use atlas_core::model::{self, Image as CoreImage, ImageSet};
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

/// What changed from the old snapshot to the new one, by UUID (by path where there is none) and address. O(n + d log
/// d).
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

/// Whether image `index` is called `name`, as in `ImageList.by_name`.
fn has_name(set: &ImageSet, index: u32, name: &str) -> bool {
    let names = [set.install_name(index as usize), set.file_path(index as usize)];
    names.into_iter().flatten().any(|text| text.is(name) || text.leaf().is(name))
}

/// Path and UUID of an image, as far as it has them, behind a comma each.
fn whose(image: &CoreImage) -> String {
    let path = image.file_path().or_else(|| image.install_name()).map(|path| one_line(&path.decode_lossy()));
    let uuid = image.uuid().map(|uuid| format!("UUID {:X}", uuid.hyphenated()));
    [path, uuid].into_iter().flatten().fold(String::new(), |all, part| all + ", " + &part)
}

/// Text from elsewhere without characters that would make it more than one line, or command a terminal.
fn one_line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, letter| {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
        line
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

    /// The same for images of one name alone: their whole install name or path, or the last component of either.
    #[pyo3(signature = (name, /))]
    fn named(&self, name: &str) -> Self {
        let (old, new) = (&self.moved.old, &self.moved.new);
        let kept = |images: &Arc<Images>, selection: &Selection| {
            let set = images.set();
            Selection::new(images, selection.indices().iter().copied().filter(|index| has_name(set, *index, name)))
        };
        let pairs = self.moved.pairs.iter().copied();
        let pairs = pairs.filter(|(a, b)| has_name(old.set(), *a, name) || has_name(new.set(), *b, name)).collect();
        Self {
            loaded: kept(new, &self.loaded),
            unloaded: kept(old, &self.unloaded),
            moved: Arc::new(Moved { old: Arc::clone(old), new: Arc::clone(new), pairs }),
        }
    }

    /// What became of the images of a name, in one line of text.
    #[pyo3(signature = (name, /))]
    fn explain(&self, name: &str) -> String {
        let found = self.named(name);
        let (old, new) = (self.moved.old.set(), self.moved.new.set());
        let one = |set: &Arc<ImageSet>, index: u32, what: &dyn Fn(u64) -> String| {
            set.get(index as usize).map(|image| format!("{}{}", what(image.address().0), whose(&image)))
        };
        let mut said = Vec::new();
        said.extend(
            found.loaded.indices().iter().filter_map(|index| one(new, *index, &|at| format!("loaded at {at:#x}"))),
        );
        said.extend(
            found
                .unloaded
                .indices()
                .iter()
                .filter_map(|index| one(old, *index, &|at| format!("unloaded from {at:#x}"))),
        );
        said.extend(found.moved.pairs.iter().filter_map(|(before, after)| {
            let from = old.get(*before as usize)?.address().0;
            one(new, *after, &|to| format!("moved from {from:#x} to {to:#x}"))
        }));
        let changed = |index: &u32| {
            found.loaded.indices().contains(index) || found.moved.pairs.iter().any(|pair| pair.1 == *index)
        };
        let all = (0..u32::try_from(new.len()).unwrap_or(u32::MAX)).filter(|index| has_name(new, *index, name));
        said.extend(
            all.filter(|index| !changed(index))
                .filter_map(|index| one(new, index, &|at| format!("unchanged at {at:#x}"))),
        );
        let said = if said.is_empty() { "in neither snapshot".to_owned() } else { said.join("; ") };
        format!("{}: {said}", one_line(name))
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
