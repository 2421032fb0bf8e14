//! A list of images with the objects that were made of it. Sequences, slices and iterators share it.

use std::sync::{Arc, OnceLock};

use atlas_core::model::ImageSet;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

use super::image::Image;
use crate::kept::{Kept, keep};
use crate::sequences::Items;

/// The list of the core, and a place for each image's object: an image is made once, and is the same object ever after.
pub struct Images {
    set: Arc<ImageSet>,
    slots: OnceLock<Box<[Kept<Image>]>>,
}

impl Images {
    pub fn new(set: Arc<ImageSet>) -> Arc<Self> {
        Arc::new(Self { set, slots: OnceLock::new() })
    }

    /// The list of the core.
    #[inline]
    pub fn set(&self) -> &Arc<ImageSet> {
        &self.set
    }

    /// How many images there are.
    #[inline]
    pub fn count(&self) -> usize {
        self.slots.get().map_or_else(|| self.set.len(), |slots| slots.len())
    }

    /// Image `index`.
    ///
    /// # Errors
    /// `IndexError` past the end.
    #[inline]
    pub fn get<'a, 'py>(&'a self, py: Python<'py>, index: usize) -> PyResult<&'a Bound<'py, Image>> {
        let slots = self.slots.get_or_init(|| (0..self.set.len()).map(|_| Kept::new()).collect());
        match slots.get(index) {
            Some(slot) => keep(slot, py, || Image::new(py, &self.set, index)),
            None => Err(out_of_range()),
        }
    }
}

#[cold]
pub fn out_of_range() -> PyErr {
    PyIndexError::new_err("index out of range")
}

impl Items for Images {
    fn len(&self) -> usize {
        self.count()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        self.get(py, index).map(|image| image.as_any().clone())
    }
}

/// Some images of a list.
pub struct Selection {
    images: Arc<Images>,
    indices: Box<[u32]>,
}

impl Selection {
    pub fn new(images: &Arc<Images>, indices: impl Iterator<Item = u32>) -> Arc<Self> {
        Arc::new(Self { images: Arc::clone(images), indices: indices.collect() })
    }

    /// Which ones, in the order of the selection.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }
}

impl Items for Selection {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        match self.indices.get(index) {
            Some(&index) => self.images.item(py, index as usize),
            None => Err(out_of_range()),
        }
    }
}
