//! A process at one moment.

use std::sync::Arc;

use atlas_core::bytes::Bytes;
use atlas_core::model::{Opening, Snapshot as Core};
use atlas_core::task::core::Core as CoreFile;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMappingProxy, PyTuple, PyType};

use super::aot_image::AotImage;
use super::cache_record::SharedCacheRecord;
use super::environment::Environment;
use super::files::Files;
use super::image_list::ImageList;
use super::images::Images;
use super::location::Location;
use super::memory::{self, Bodies};
use super::shared_cache::{self, SharedCache};
use super::unknown::Unknown;
use super::{listing, opening};
use crate::errors::OrRaise;
use crate::formats::plist_read::Builder;
use crate::kept::{Kept, keep};
use crate::options::{self, Limits, LocalPath};
use crate::{addresses, buffers, detach, enums, text};

/// What one process had loaded at one moment.
///
/// A snapshot is an Apple Archive with the property list process.plist, as dyld publishes it in the memory of every
/// process. Snapshots compare by identity and pickle by their bytes.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct Snapshot {
    core: Arc<Core>,
    images: Kept<ImageList>,
    environment: Kept<Environment>,
    cache_record: Kept<SharedCacheRecord>,
    cache: Kept<SharedCache>,
}

impl Snapshot {
    /// `files`: where the bytes of its images come from.
    pub fn new(core: Arc<Core>, files: Arc<Files>) -> Self {
        if let Some(cache) = core.shared_cache() {
            shared_cache::keep_files(cache, &files);
        }
        core.images().keep_companion(Bodies::from(files));
        Self { core, images: Kept::new(), environment: Kept::new(), cache_record: Kept::new(), cache: Kept::new() }
    }

    /// Ends an opening, however it began: finds the cache by `files`. `size`: bytes of the snapshot.
    fn finished(py: Python<'_>, opened: Opening, size: usize, files: Arc<Files>) -> PyResult<Self> {
        let core = opening::complete(py, opened, size, &files)?;
        Ok(Self::new(Arc::new(core), files))
    }

    /// The snapshot of the core.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    fn list<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<&'a Bound<'py, ImageList>> {
        keep(&self.images, py, || ImageList::new(py, Arc::clone(self.core.images())))
    }

    /// The images with their objects.
    pub fn image_objects(&self, py: Python<'_>) -> PyResult<Arc<Images>> {
        Ok(Arc::clone(self.list(py)?.get().images()))
    }

    /// dyld's launch metrics; `None` where there are none.
    pub fn metrics_dictionary<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(found) = self.core.record().metrics() else { return Ok(None) };
        let metrics = PyDict::new(py);
        for (key, value) in found {
            let key = text::text(py, key)?;
            if !metrics.contains(&key)? {
                metrics.set_item(key, value)?;
            }
        }
        Ok(Some(metrics))
    }
}

#[pymethods]
impl Snapshot {
    /// Opens a snapshot that is in memory; the whole record is checked here.
    ///
    /// providers: where the record of the shared cache comes from, in this order; None means the .atlas beside the
    /// cache file on this machine, () means that no file is opened. lenient: drop records that are broken and list them
    /// in warnings. mode: "copy" reads files instead of mapping them. Raises ArchiveError, PlistError, SchemaError,
    /// LimitExceededError.
    #[classmethod]
    #[pyo3(signature = (data, /, *, providers = None, limits = None, lenient = false, mode = "map"))]
    fn from_bytes(
        _class: &Bound<'_, PyType>,
        data: &Bound<'_, PyAny>,
        providers: Option<&Bound<'_, PyAny>>,
        limits: Option<&Bound<'_, Limits>>,
        lenient: bool,
        mode: &str,
    ) -> PyResult<Self> {
        let (py, options) = (data.py(), opening::options(limits, lenient, mode)?);
        let bytes = buffers::bytes(data)?;
        let size = bytes.len();
        let opened = detach::where_large(py, size, || Opening::new(bytes, options)).or_raise(py)?;
        Self::finished(py, opened, size, Files::new(providers, options.mode)?)
    }

    /// Opens the file of a snapshot. Options and errors are those of from_bytes; OSError where the system refuses the
    /// file.
    #[classmethod]
    #[pyo3(signature = (path, /, *, providers = None, limits = None, lenient = false, mode = "map"))]
    fn open(
        class: &Bound<'_, PyType>,
        path: LocalPath,
        providers: Option<&Bound<'_, PyAny>>,
        limits: Option<&Bound<'_, Limits>>,
        lenient: bool,
        mode: &str,
    ) -> PyResult<Self> {
        let (py, options) = (class.py(), opening::options(limits, lenient, mode)?);
        let read = || {
            let bytes = Bytes::open(&path.0, options.mode)?;
            let size = bytes.len();
            Opening::new(bytes, options).map(|opened| (opened, size))
        };
        let (opened, size) = py.detach(read).or_raise(py)?;
        Self::finished(py, opened, size, Files::new(providers, options.mode)?)
    }

    /// Opens what a Mach-O core file holds of a process: the snapshot that dyld published, where that is in it, else
    /// what the memory and the notes of its writer say; warnings tell what is lacking. Options and errors are those of
    /// open; MachOError where the file is no core file, or names no image.
    #[classmethod]
    #[pyo3(signature = (path, /, *, providers = None, limits = None, lenient = false, mode = "map"))]
    fn from_core(
        class: &Bound<'_, PyType>,
        path: LocalPath,
        providers: Option<&Bound<'_, PyAny>>,
        limits: Option<&Bound<'_, Limits>>,
        lenient: bool,
        mode: &str,
    ) -> PyResult<Self> {
        let (py, options) = (class.py(), opening::options(limits, lenient, mode)?);
        let read = || CoreFile::open(&path.0, options.mode)?.snapshot(options);
        let opened = py.detach(read).or_raise(py)?;
        Self::finished(py, opened, usize::MAX, Files::of_core(providers, options.mode)?)
    }

    /// The number of the process.
    #[getter]
    fn pid(&self) -> i64 {
        self.core.record().pid
    }

    /// What the process was built for.
    #[getter]
    fn platform<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        enums::PLATFORM.member(py, self.core.record().platform)
    }

    /// How far dyld had come.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        enums::PROCESS_STATE.member(py, self.core.record().state)
    }

    /// mach_absolute_time of the last change: ticks since boot, not a date. 1 if scavenged.
    #[getter]
    fn timestamp(&self) -> u64 {
        self.core.record().timestamp
    }

    /// How many images were there at launch; None where the record does not say.
    #[getter]
    fn initial_image_count(&self) -> Option<u64> {
        self.core.record().initial_image_count
    }

    /// Facts about the process; 0 where the record has none.
    #[getter]
    fn flags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        enums::SNAPSHOT_FLAGS.member(py, self.core.record().flags)
    }

    /// Bytes in a page: 4096 or 16384, from the flags.
    #[getter]
    fn page_size(&self) -> u64 {
        self.core.page_size()
    }

    /// Bytes in a pointer: 4 or 8, from the flags.
    #[getter]
    fn pointer_size(&self) -> u64 {
        self.core.pointer_size()
    }

    /// dyld's path variables; None where the record has none.
    #[getter]
    pub fn environment<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Environment>>> {
        if let Some(kept) = self.environment.get() {
            return Ok(Some(kept.bind(py).clone()));
        }
        let made = Environment::new(py, self.core.record())?;
        made.map(|made| keep(&self.environment, py, || Ok(made)).cloned()).transpose()
    }

    /// dyld's launch metrics, by the format's own four-letter keys; None where there are none.
    #[getter]
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyMappingProxy>>> {
        Ok(self.metrics_dictionary(py)?.map(|metrics| PyMappingProxy::new(py, metrics.as_mapping())))
    }

    /// Own images and the used images of the cache, merged by address as the original does.
    #[getter]
    fn images<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, ImageList>> {
        self.list(py).cloned()
    }

    /// The files that Rosetta translated ahead of time; None for a process without Rosetta.
    #[getter]
    fn aot_images<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let Some(rows) = self.core.record().aot_images() else { return Ok(None) };
        PyTuple::new(py, rows.into_iter().map(AotImage::from).collect::<Vec<_>>()).map(Some)
    }

    /// What the process says of its cache, whether the cache was found or not.
    #[getter]
    fn shared_cache_record<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, SharedCacheRecord>>> {
        if let Some(kept) = self.cache_record.get() {
            return Ok(Some(kept.bind(py).clone()));
        }
        let made = SharedCacheRecord::new(py, &self.core)?;
        made.map(|made| keep(&self.cache_record, py, || Ok(made)).cloned()).transpose()
    }

    /// The cache, if its record was found.
    #[getter]
    fn shared_cache<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, SharedCache>>> {
        let Some(cache) = self.core.shared_cache() else { return Ok(None) };
        keep(&self.cache, py, || shared_cache::object(py, cache)).map(|cache| Some(cache.clone()))
    }

    /// What lenient opening dropped or passed over, each with its place, and that a shared cache was not found.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.warnings())
    }

    /// The keys of process.plist that this version does not know, with their values; "<unreadable: ...>" for a value
    /// that is not well formed.
    #[getter]
    fn unknown_keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        let (record, limits) = (self.core.record(), self.core.options().policy.limits);
        let mut builder = Builder::new(py, false);
        let unknown = Unknown::new(record.plist(), &limits, &mut builder).dictionary(py, &record.unknown())?;
        Ok(PyMappingProxy::new(py, unknown.unwrap_or_else(|| PyDict::new(py)).as_mapping()))
    }

    /// The image and segment at an address of the process; None where there is none.
    #[pyo3(signature = (address, /))]
    fn resolve<'py>(&self, py: Python<'py>, address: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Location>>> {
        let address = addresses::rebased_argument(address)?.0;
        let images = self.list(py)?.get().images();
        images.set().resolve(address).map(|found| Location::new(py, images, address, found)).transpose()
    }

    /// Bytes at an address of the process, as they are in the files of its images and its cache.
    ///
    /// Raises MissingDataError where a file is not to be had, UnmappedAddressError where nothing lies there.
    #[pyo3(signature = (address, size, /))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        address: &Bound<'py, PyAny>,
        size: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (address, size) = (addresses::rebased_argument(address)?.0, addresses::size_argument(size)?);
        memory::read(py, self.core.images(), address, size)
    }

    /// The snapshot as an archive again, with the cache's record embedded, so that it stands alone.
    ///
    /// codec: put it into a container, compressed with lzfse, lz4, zlib, lzma, lzbitmap or none. Raises ValueError for
    /// another.
    #[pyo3(signature = (*, codec = None))]
    fn to_bytes<'py>(&self, py: Python<'py>, codec: Option<&str>) -> PyResult<Bound<'py, PyBytes>> {
        let codec = options::codec(codec)?;
        let bytes = py.detach(|| self.core.to_bytes(codec)).or_raise(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The snapshot as plain values that JSON can hold: addresses as int, UUIDs as upper-case text.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        listing::snapshot(py, self)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let (py, snapshot) = (slf.py(), slf.get());
        let policy = snapshot.core.options().policy;
        let keywords = PyDict::new(py);
        keywords.set_item(intern!(py, "providers"), PyTuple::empty(py))?;
        keywords.set_item(intern!(py, "limits"), Limits::from(policy.limits))?;
        keywords.set_item(intern!(py, "lenient"), policy.lenient)?;
        let open = slf.get_type().getattr(intern!(py, "from_bytes"))?;
        let open = py.import("functools")?.getattr("partial")?.call((open,), Some(&keywords))?;
        Ok((open, (snapshot.to_bytes(py, None)?,)))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (pid, images) = (self.core.record().pid, self.core.images().len());
        let platform = self.platform(py)?.getattr(intern!(py, "name"))?.str()?;
        Ok(format!("<Snapshot pid={pid} platform={} images={images}>", platform.to_string_lossy()))
    }
}

itself!(Snapshot);
