//! The images of a snapshot or a cache, as a sequence with look-ups.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atlas_core::model::ImageSet;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::columns::{ImageColumns, SegmentColumns};
use super::image::Image;
use super::images::{Images, Selection};
use super::lookup;
use crate::sequences::{self, Items, LazyIterator, LazySequence, Window};
use crate::{addresses, detach};

/// The images of a snapshot or a cache: a sequence in which nothing is made until it is asked for, and then once.
#[pyclass(frozen, sequence, weakref, module = "dyld_atlas")]
pub struct ImageList(Arc<Images>);

impl ImageList {
    /// The images of `set`.
    pub fn new(py: Python<'_>, set: Arc<ImageSet>) -> PyResult<Bound<'_, Self>> {
        Bound::new(py, Self(Images::new(set)))
    }

    /// The images and their objects.
    pub fn images(&self) -> &Arc<Images> {
        &self.0
    }

    fn items(&self) -> Arc<dyn Items> {
        Arc::<Images>::clone(&self.0)
    }

    /// The positions of `value`, in order.
    fn positions(&self, value: &Bound<'_, PyAny>) -> Vec<usize> {
        let Ok(wanted) = value.cast::<Image>() else { return Vec::new() };
        let (wanted, set) = (wanted.get().core(), self.0.set());
        // The column tells nearly all others apart, at the speed of memory.
        let same = set.columns().address.iter().enumerate().filter(|(_, address)| **address == wanted.address().0);
        same.map(|(index, _)| index).filter(|&index| set.get(index).as_ref() == Some(wanted)).collect()
    }
}

#[pymethods]
impl ImageList {
    /// The image one of whose segments holds the address; None where there is none.
    #[pyo3(signature = (address, /))]
    #[inline]
    fn at<'py>(&self, py: Python<'py>, address: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Image>>> {
        let address = addresses::rebased_argument(address)?;
        match self.0.set().at(address.0) {
            Some(index) => self.0.get(py, index as usize).map(|image| Some(image.clone())),
            None => Ok(None),
        }
    }

    /// The first image with the UUID. Raises KeyError where there is none, ValueError for what is no UUID.
    #[pyo3(signature = (uuid, /))]
    fn by_uuid<'py>(&self, py: Python<'py>, uuid: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Image>> {
        self.0.get(py, lookup::by_uuid(self.0.set(), uuid)?).cloned()
    }

    /// The first image whose install name or file path is the name, or ends in it as its last component. Raises
    /// KeyError.
    #[pyo3(signature = (name, /))]
    fn by_name<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, Image>> {
        self.0.get(py, lookup::by_name(self.0.set(), name)?).cloned()
    }

    /// The images that do not lie in the shared cache, in the order of the list.
    #[getter]
    fn outside_cache<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        let set = self.0.set();
        let outside = (0..set.len()).filter(|&index| !set.is_in_cache(index)).map(|index| index as u32);
        LazySequence::new(py, Selection::new(&self.0, outside))
    }

    /// The whole list as arrays, without an object per image.
    fn columns(&self) -> ImageColumns {
        ImageColumns::new(self.0.set())
    }

    /// The segments of all images as arrays, image after image.
    fn segment_columns(&self, py: Python<'_>) -> SegmentColumns {
        /// Bytes of the arrays for one image, about.
        const IMAGE: usize = 200;
        let set = self.0.set();
        detach::where_large(py, set.len().saturating_mul(IMAGE), || SegmentColumns::new(set))
    }

    /// The index of the image at each of many addresses, as at() finds it: uint64 in, int32 out, -1 where there is
    /// none.
    ///
    /// out: a writable buffer of as many int32, filled and returned. Raises TypeError, ValueError, BufferError for
    /// buffers that do not fit. The GIL is released.
    #[pyo3(signature = (addresses, /, *, out = None))]
    fn indices_at<'py>(
        &self,
        addresses: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        lookup::indices_at(self.0.set(), addresses, out)
    }

    fn __len__(&self) -> usize {
        self.0.count()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        sequences::select(key, &Window::whole(self.0.count()), |place| self.0.item(py, place), || self.items())
    }

    fn __iter__(&self) -> ImageIterator {
        ImageIterator { images: Arc::clone(&self.0), next: AtomicUsize::new(0), end: self.0.count() }
    }

    fn __reversed__(&self) -> LazyIterator {
        LazyIterator::new(self.items(), sequences::reversed(&Window::whole(self.0.count())))
    }

    fn __contains__(&self, value: &Bound<'_, PyAny>) -> bool {
        !self.positions(value).is_empty()
    }

    /// The first position of an image. Raises ValueError if it is not there.
    #[pyo3(signature = (value, start = 0, stop = isize::MAX, /), text_signature = "($self, value, start=0, stop=9223372036854775807, /)")]
    fn index(&self, value: &Bound<'_, PyAny>, start: isize, stop: isize) -> PyResult<usize> {
        let range = sequences::range(self.0.count(), (start, stop));
        self.positions(value).into_iter().find(|place| range.contains(place)).ok_or_else(sequences::not_there)
    }

    /// How often an image occurs.
    #[pyo3(signature = (value, /))]
    fn count(&self, value: &Bound<'_, PyAny>) -> usize {
        self.positions(value).len()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        sequences::repr(self.0.count(), |index| self.0.item(py, index))
    }
}

/// Walks a list of images. Threads may share one: each image then goes to one of them.
#[pyclass(frozen, module = "dyld_atlas._native")]
pub struct ImageIterator {
    images: Arc<Images>,
    next: AtomicUsize,
    end: usize,
}

#[pymethods]
impl ImageIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[inline]
    fn __next__<'py>(&self, py: Python<'py>) -> Option<PyResult<Bound<'py, Image>>> {
        // At the end the counter stays, so that no number of calls makes it wrap.
        if self.next.load(Ordering::Relaxed) >= self.end {
            return None;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.end).then(|| self.images.get(py, index).cloned())
    }

    fn __length_hint__(&self) -> usize {
        self.end.saturating_sub(self.next.load(Ordering::Relaxed))
    }
}

part!(ImageList, "an ImageList, which is a part of its snapshot: pickle the Snapshot");
