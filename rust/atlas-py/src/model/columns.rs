//! Images and segments as arrays. Nothing is copied: the arrays of the core are what Python sees.

use std::sync::Arc;

use atlas_core::model::{ImageColumns as CoreImages, ImageSet, SegmentColumns as CoreSegments};
use pyo3::prelude::*;

use super::images::out_of_range;
use super::names;
use crate::buffers::{Cells, ColumnBuffer, Source};
use crate::sequences::{Items, LazySequence};
use crate::text;

/// A list of images as arrays, row by row as in the list.
///
/// Each array is a read-only buffer; memoryview(x) and numpy.asarray(x) copy nothing and keep it alive.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct ImageColumns {
    set: Arc<ImageSet>,
    columns: Arc<Shared>,
}

/// The columns of the core as a source of buffers. Its own type, because `Source` is foreign to the core.
struct Shared(Arc<CoreImages>);

const ADDRESS: usize = 0;
const PREFERRED_LOAD_ADDRESS: usize = 1;
const VM_END: usize = 2;
const UUID: usize = 3;

impl Source for Shared {
    fn cells(&self, number: usize) -> Cells<'_> {
        match number {
            ADDRESS => Cells::U64(&self.0.address),
            PREFERRED_LOAD_ADDRESS => Cells::U64(&self.0.preferred_load_address),
            VM_END => Cells::U64(&self.0.vm_end),
            _ => Cells::Rows(&self.0.uuid),
        }
    }
}

impl ImageColumns {
    /// The columns of `set`.
    pub fn new(set: &Arc<ImageSet>) -> Self {
        Self { set: Arc::clone(set), columns: Arc::new(Shared(Arc::clone(set.columns()))) }
    }

    fn column(&self, number: usize) -> ColumnBuffer {
        ColumnBuffer::of(Arc::<Shared>::clone(&self.columns), number)
    }
}

#[pymethods]
impl ImageColumns {
    /// Where each image lies: uint64.
    #[getter]
    fn address(&self) -> ColumnBuffer {
        self.column(ADDRESS)
    }

    /// Unslid addresses: uint64; 0 where the record has none.
    #[getter]
    fn preferred_load_address(&self) -> ColumnBuffer {
        self.column(PREFERRED_LOAD_ADDRESS)
    }

    /// The end of the highest segment in the process, or of the text where the files of a cache with the segments are
    /// missing: uint64; 0 if there is none.
    #[getter]
    fn vm_end(&self) -> ColumnBuffer {
        self.column(VM_END)
    }

    /// UUIDs: uint8, 16 in a row; all zero where there is none.
    #[getter]
    fn uuid(&self) -> ColumnBuffer {
        self.column(UUID)
    }

    /// Install names, made when asked for.
    #[getter]
    fn install_name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        LazySequence::new(py, Arc::new(InstallNames(Arc::clone(&self.set))))
    }

    /// File paths, made when asked for.
    #[getter]
    fn file_path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        LazySequence::new(py, Arc::new(FilePaths(Arc::clone(&self.set))))
    }

    fn __len__(&self) -> usize {
        self.columns.0.len()
    }

    fn __repr__(&self) -> String {
        format!("<ImageColumns of {} images>", self.columns.0.len())
    }
}

struct InstallNames(Arc<ImageSet>);

impl Items for InstallNames {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let name = names::install_name(py, &self.0, index, None)?;
        Ok(name.map_or_else(|| py.None().into_bound(py), Bound::into_any))
    }
}

struct FilePaths(Arc<ImageSet>);

impl Items for FilePaths {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let path = names::file_path(py, &self.0, index)?;
        Ok(path.map_or_else(|| py.None().into_bound(py), Bound::into_any))
    }
}

/// The segments of a list of images as arrays. Each is a read-only buffer, as in ImageColumns.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct SegmentColumns(Arc<Segments>);

struct Segments {
    set: Arc<ImageSet>,
    columns: CoreSegments,
}

const IMAGE_INDEX: usize = 0;
const SEGMENT_ADDRESS: usize = 1;
const VM_SIZE: usize = 2;
const FILE_SIZE: usize = 3;
const PERMISSIONS: usize = 4;

impl Source for Segments {
    fn cells(&self, number: usize) -> Cells<'_> {
        match number {
            IMAGE_INDEX => Cells::I32(&self.columns.image_index),
            SEGMENT_ADDRESS => Cells::U64(&self.columns.address),
            VM_SIZE => Cells::U64(&self.columns.vm_size),
            FILE_SIZE => Cells::U64(&self.columns.file_size),
            _ => Cells::U8(&self.columns.permissions),
        }
    }
}

impl Items for Segments {
    fn len(&self) -> usize {
        self.columns.len()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        match self.set.segment_name(&self.columns, index) {
            Some(name) => Ok(text::name(py, name)?.into_any()),
            None => Err(out_of_range()),
        }
    }
}

impl SegmentColumns {
    /// The segments of the images of `set`.
    pub fn new(set: &Arc<ImageSet>) -> Self {
        Self(Arc::new(Segments { set: Arc::clone(set), columns: set.segment_columns() }))
    }

    fn column(&self, number: usize) -> ColumnBuffer {
        ColumnBuffer::of(Arc::<Segments>::clone(&self.0), number)
    }
}

#[pymethods]
impl SegmentColumns {
    /// The row of the image in its list: int32.
    #[getter]
    fn image_index(&self) -> ColumnBuffer {
        self.column(IMAGE_INDEX)
    }

    /// Where each segment lies in the process: uint64.
    #[getter]
    fn address(&self) -> ColumnBuffer {
        self.column(SEGMENT_ADDRESS)
    }

    /// Bytes in memory: uint64.
    #[getter]
    fn vm_size(&self) -> ColumnBuffer {
        self.column(VM_SIZE)
    }

    /// Bytes in the file: uint64.
    #[getter]
    fn file_size(&self) -> ColumnBuffer {
        self.column(FILE_SIZE)
    }

    /// VM_PROT_* bits: uint8.
    #[getter]
    fn permissions(&self) -> ColumnBuffer {
        self.column(PERMISSIONS)
    }

    /// Names, made when asked for.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        LazySequence::new(py, Arc::<Segments>::clone(&self.0))
    }

    fn __len__(&self) -> usize {
        self.0.columns.len()
    }

    fn __repr__(&self) -> String {
        format!("<SegmentColumns of {} segments>", self.0.columns.len())
    }
}

part!(ImageColumns, "an ImageColumns, which is a part of its snapshot: pickle the columns");
part!(SegmentColumns, "a SegmentColumns, which is a part of its snapshot: pickle the columns");
