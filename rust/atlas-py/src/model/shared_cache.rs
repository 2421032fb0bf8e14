//! A shared cache: of files, or of a process.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use atlas_core::cache::RecordOrigin;
use atlas_core::memory::CacheMemory;
use atlas_core::model::{ImageSet, OpenCacheOptions, SharedCache as Core};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMappingProxy, PyMemoryView, PyString, PyTuple, PyType, PyWeakrefReference};

use super::cache_tables::{self, DynamicData};
use super::files::Files;
use super::image_list::ImageList;
use super::location::Location;
use super::mapping::Mapping;
use super::memory_map::MemoryRegion;
use super::pin::{self, Pin};
use super::pointers::{PointerList, Pointers};
use super::subcache::SubCache;
use super::{discovery, header, memory, opening};
use crate::errors::OrRaise;
use crate::kept::{Kept, keep};
use crate::options::{self, LocalPath};
use crate::sequences::LazySequence;
use crate::{addresses, buffers, enums, text, uuids};

/// A dyld shared cache: of files, or as the record of a snapshot describes it. Equal where UUID, address and path are.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct SharedCache {
    core: Arc<Core>,
    images: Kept<ImageList>,
    subcaches: Kept<PyTuple>,
}

/// What is kept with a cache of the core: the object that stands for it, as a weak reference, since the cache must not
/// own what owns it; and for the cache of a snapshot, where its files come from.
#[derive(Default)]
pub struct Standing {
    object: Mutex<Option<Py<PyWeakrefReference>>>,
    files: OnceLock<Arc<Files>>,
}

impl Standing {
    /// Where the files of the cache come from.
    pub fn files(&self) -> Option<&Arc<Files>> {
        self.files.get()
    }
}

/// Remembers where the files of a snapshot's cache come from.
pub fn keep_files(core: &Core, files: &Arc<Files>) {
    if let Some(standing) = core.companion(Standing::default) {
        // A cache belongs to one snapshot.
        let _ = standing.files.set(Arc::clone(files));
    }
}

/// The object for a cache: the same as long as anybody holds it, whichever snapshot or image it is reached from.
pub fn object<'py>(py: Python<'py>, core: &Arc<Core>) -> PyResult<Bound<'py, SharedCache>> {
    let standing = core.companion(Standing::default);
    // Nothing that calls Python runs under the lock, so it is never held while the interpreter is waited for.
    let known = standing.and_then(|standing| {
        let known = standing.object.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|known| known.clone_ref(py))
    });
    if let Some(known) = known
        && let Some(object) = known.bind(py).upgrade()
    {
        return Ok(object.cast_into()?);
    }
    let object = SharedCache { core: Arc::clone(core), images: Kept::new(), subcaches: Kept::new() };
    let object = Bound::new(py, object)?;
    let mut weak = Some(PyWeakrefReference::new(object.as_any())?.unbind());
    if let Some(standing) = standing {
        std::mem::swap(&mut *standing.object.lock().unwrap_or_else(PoisonError::into_inner), &mut weak);
    }
    // What stood there before is dropped here, without the lock.
    drop(weak);
    Ok(object)
}

impl SharedCache {
    /// The files, which are looked for now if they were not before.
    fn memory(&self, py: Python<'_>) -> PyResult<&Arc<CacheMemory>> {
        memory::cache(py, &self.core)
    }

    fn list<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<&'a Bound<'py, ImageList>> {
        keep(&self.images, py, || ImageList::new(py, Arc::new(ImageSet::of_cache(Arc::clone(&self.core)))))
    }
}

#[pymethods]
impl SharedCache {
    /// Opens the cache whose main file is at a path; the other files are found from its header.
    ///
    /// scavenge: read the headers, and ignore any atlas. slide: how far the cache is taken to be moved. mode: "copy"
    /// reads the files instead of mapping them. Raises OSError, CacheError.
    #[classmethod]
    #[pyo3(signature = (path, /, *, scavenge = false, slide = None, mode = "map"),
           text_signature = "($type, path, /, *, scavenge=False, slide=0, mode=\"map\")")]
    fn open<'py>(
        class: &Bound<'py, PyType>,
        path: LocalPath,
        scavenge: bool,
        slide: Option<&Bound<'py, PyAny>>,
        mode: &str,
    ) -> PyResult<Bound<'py, Self>> {
        let slide = slide.map(addresses::slide_argument).transpose()?.unwrap_or_default();
        let options = OpenCacheOptions { scavenge, slide, mode: opening::mode(mode)?, ..OpenCacheOptions::default() };
        let py = class.py();
        object(py, &py.detach(|| Core::open(&path.0, options)).or_raise(py)?)
    }

    /// The caches of the system below a root, each UUID once. What cannot be opened is left out, with a RuntimeWarning.
    #[classmethod]
    #[pyo3(signature = (root = None), text_signature = "($type, root=\"/\")")]
    fn installed<'py>(class: &Bound<'py, PyType>, root: Option<LocalPath>) -> PyResult<Vec<Bound<'py, Self>>> {
        discovery::installed(class.py(), root)
    }

    /// Every cache in a tree of folders, copies included. What cannot be opened is left out, with a RuntimeWarning.
    #[classmethod]
    #[pyo3(signature = (folder, /))]
    fn find<'py>(class: &Bound<'py, PyType>, folder: LocalPath) -> PyResult<Vec<Bound<'py, Self>>> {
        discovery::find(class.py(), folder)
    }

    /// The UUID of the cache.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        uuids::new(py, self.core.uuid())
    }

    /// Where the cache lies in the process.
    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::rebased(py, self.core.address())
    }

    /// Where the builder placed it.
    #[getter]
    fn preferred_load_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, self.core.preferred_load_address())
    }

    /// address - preferred_load_address, modulo 2**64.
    #[getter]
    fn slide<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::slide(py, self.core.slide())
    }

    /// Bytes of address space.
    #[getter]
    fn vm_size(&self) -> u64 {
        self.core.vm_size()
    }

    /// Bytes in a pointer: 4 or 8, from the images or the flags of the snapshot.
    #[getter]
    fn pointer_size(&self) -> u64 {
        self.core.pointer_size()
    }

    /// The pointer size as the record has it, which Apple's builder writes inverted: 4 for 64-bit caches.
    #[getter]
    fn raw_pointer_size(&self) -> u64 {
        self.core.known().raw_pointer_size()
    }

    /// Such as arm64e, from the header, else from the name of the main file; "" where that follows no rule.
    #[getter]
    fn architecture(&self) -> &str {
        self.core.architecture()
    }

    /// What the cache is for. None where nothing says it, as a record.
    #[getter]
    fn platform<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.core.platform().map(|platform| enums::PLATFORM.member(py, platform.into())).transpose()
    }

    /// The system that the cache was built for, as in 15.4.1. None where nothing says it.
    #[getter]
    fn os_version(&self) -> Option<String> {
        let version = self.core.group()?.main().file.header().os_version.filter(|version| version.0 != 0);
        version.map(|version| version.to_string())
    }

    /// Whether the process maps its own copy instead of the region that all processes share.
    #[getter]
    fn mapped_private(&self) -> bool {
        self.core.mapped_private()
    }

    /// Every image in the cache, in the order of the cache, whether the process uses it or not.
    #[getter]
    fn images<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, ImageList>> {
        self.list(py).cloned()
    }

    /// The files that make up the cache, the main file first.
    #[getter]
    fn subcaches<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        keep(&self.subcaches, py, || PyTuple::new(py, SubCache::all(&self.core).collect::<Vec<_>>())).cloned()
    }

    /// The paths of these files on the process's machine.
    #[getter]
    fn file_paths<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let paths = self.core.file_names().into_iter().map(|file| text::path(py, &file.path));
        PyTuple::new(py, paths.collect::<PyResult<Vec<_>>>()?)
    }

    /// Names of files that the cache needs and that are not there; empty where no file was looked for.
    #[getter]
    fn missing_files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let names = self.core.missing_files().into_iter().map(|name| text::path(py, &name));
        PyTuple::new(py, names.collect::<PyResult<Vec<_>>>()?)
    }

    /// The UUID of Rosetta's translated cache.
    #[getter]
    fn aot_uuid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.core.aot_uuid().map(|uuid| uuids::new(py, uuid)).transpose()
    }

    /// Where that lies in the process.
    #[getter]
    fn aot_address<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.core.aot_address().map(|address| addresses::rebased(py, address)).transpose()
    }

    /// The path of the file of local symbols, whether it is there or not.
    #[getter]
    fn local_symbols_path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        self.core.local_symbols_path().map(|path| text::path(py, &path)).transpose()
    }

    /// Its UUID.
    #[getter]
    fn local_symbols_uuid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.core.known().symbol_file_uuid().map(|uuid| uuids::new(py, uuid)).transpose()
    }

    /// What was passed over while reading the record.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.warnings())
    }

    /// Where the record comes from: "provider", "atlas", "embedded" or "scavenged".
    #[getter]
    fn record_origin(&self) -> &'static str {
        match self.core.known().origin() {
            RecordOrigin::Provider => "provider",
            RecordOrigin::BesideCache => "atlas",
            RecordOrigin::Embedded => "embedded",
            RecordOrigin::Scavenged => "scavenged",
        }
    }

    /// The header of the main file; empty where the files of the cache were not opened.
    #[getter]
    fn header<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        header::mapping(py, self.core.group().map(|group| &group.main().file))
    }

    /// Other paths by which programs find images. What of the trie of paths is broken is left out, with a
    /// RuntimeWarning.
    ///
    /// Raises CacheError, MissingDataError.
    fn aliases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMappingProxy>> {
        header::aliases(py, self.memory(py)?, self.list(py)?.get().images())
    }

    /// The mappings of all files but that of local symbols.
    fn mappings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, Mapping::all(&self.core))
    }

    /// The cache as an emulator maps it: regions of whole pages, at a slide, that of the cache unless given.
    ///
    /// Raises MissingDataError.
    #[pyo3(signature = (*, slide = None))]
    fn memory_map<'py>(&self, py: Python<'py>, slide: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyTuple>> {
        let slide = slide.map(addresses::slide_argument).transpose()?.unwrap_or_else(|| self.core.slide());
        MemoryRegion::all(py, &self.core, self.memory(py)?, slide)
    }

    /// The local symbols as they lie in their file, read-only; None without any. Raises CacheError, MissingDataError.
    fn local_symbols<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyMemoryView>>> {
        let found = self.memory(py)?.local_symbols().or_raise(py)?;
        found.map(|symbols| buffers::memory_view(py, symbols.bytes().clone())).transpose()
    }

    /// Memory that only dyld writes, each as (address, size). Raises CacheError, MissingDataError.
    fn tpro_mappings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        cache_tables::tpro_mappings(py, self.memory(py)?)
    }

    /// Memory worth reading early, each as (address, size). Raises CacheError, MissingDataError.
    fn prewarming<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        cache_tables::prewarming(py, self.memory(py)?)
    }

    /// Pointers to functions that exist in several variants. Raises CacheError, MissingDataError.
    fn function_variants<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, LazySequence>> {
        cache_tables::function_variants(py, self.memory(py)?)
    }

    /// What a running system says of the cache, in bytes of its memory or in the files; None where nothing was filled
    /// in.
    ///
    /// Raises CacheError, MissingDataError.
    #[pyo3(signature = (region = None, /))]
    fn dynamic_data(&self, py: Python<'_>, region: Option<&Bound<'_, PyAny>>) -> PyResult<Option<DynamicData>> {
        cache_tables::dynamic_data(py, region, || self.memory(py).cloned())
    }

    /// Bytes at an unslid address; with slide, as a process at that slide has them.
    ///
    /// Raises UnmappedAddressError, CacheError, MissingDataError.
    #[pyo3(signature = (address, size, /, *, slide = None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        address: &Bound<'py, PyAny>,
        size: &Bound<'py, PyAny>,
        slide: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        /// What fits on the stack, and into the time that letting the interpreter go would take.
        const SMALL: usize = 64;
        let (address, size) = (addresses::preferred_argument(address)?.0, addresses::size_argument(size)?);
        let slide = slide.map(addresses::slide_argument).transpose()?.map(|slide| slide.0);
        let memory = self.memory(py)?;
        let hint = |error| memory::hint_at_missing(memory, error);
        let mut small = [0; SMALL];
        if let Some(window) = usize::try_from(size).ok().and_then(|size| small.get_mut(..size)) {
            memory.read_into(address, window, slide).map_err(hint).or_raise(py)?;
            return Ok(PyBytes::new(py, window));
        }
        // Refused before memory is spent on it.
        memory.check(address, size).map_err(hint).or_raise(py)?;
        buffers::filled(py, size, |window| memory.read_into(address, window, slide).map_err(hint))
    }

    /// Every pointer that dyld rebases. Raises CacheError, MissingDataError.
    ///
    /// lenient: where a chain is broken, go on with the next page and say so in the list's warnings.
    #[pyo3(signature = (*, lenient = false))]
    fn pointers(&self, py: Python<'_>, lenient: bool) -> PyResult<PointerList> {
        let memory = self.memory(py)?;
        let found = py.detach(|| Pointers::collect(memory.pointers(None), lenient)).or_raise(py)?;
        Ok(found.into())
    }

    /// Maps the whole cache into one stretch of memory, counted. Undone by unpin(). Raises OSError, MissingDataError.
    fn pin(&self, py: Python<'_>) -> PyResult<()> {
        pin::pin(py, self.memory(py)?)
    }

    /// Undoes one pin(). Raises BufferError for the last one while views exist, ValueError where nothing is pinned.
    fn unpin(&self, py: Python<'_>) -> PyResult<()> {
        pin::unpin(py, self.memory(py)?)
    }

    /// Pins the cache for a with block, which gets all of its memory.
    fn pinned(&self, py: Python<'_>) -> PyResult<Pin> {
        self.memory(py).map(Pin::new)
    }

    /// The record as an atlas, inside a container if a codec is named. Raises ValueError for one that there is not.
    #[pyo3(signature = (*, codec = None))]
    fn to_atlas<'py>(&self, py: Python<'py>, codec: Option<&str>) -> PyResult<Bound<'py, PyBytes>> {
        let codec = options::codec(codec)?;
        let bytes = py.detach(|| self.core.to_atlas(codec)).or_raise(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// What does not fit together: the files, and the atlas against the headers. Empty where all is well.
    ///
    /// Raises MissingDataError.
    fn verify<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.memory(py)?;
        PyTuple::new(py, py.detach(|| self.core.verify()).or_raise(py)?)
    }

    /// The text that Apple puts beside a cache as .map: mappings, then each image with its segments.
    ///
    /// Raises MissingDataError.
    fn map_text(&self, py: Python<'_>) -> PyResult<String> {
        self.memory(py)?;
        py.detach(|| self.core.map_text()).or_raise(py)
    }

    /// The image and segment at an unslid address of the cache; None where there is none.
    #[pyo3(signature = (address, /))]
    fn resolve<'py>(&self, py: Python<'py>, address: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Location>>> {
        let address = addresses::preferred_argument(address)? + self.core.slide();
        let images = self.list(py)?.get().images();
        images.set().resolve(address.0).map(|found| Location::new(py, images, address.0, found)).transpose()
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let (a, b) = (&self.core, &other.get().core);
        Arc::ptr_eq(a, b) || (a.uuid(), a.address(), a.file_path()) == (b.uuid(), b.address(), b.file_path())
    }

    fn __hash__(&self) -> u64 {
        let (high, low) = self.core.uuid().as_u64_pair();
        high ^ low ^ self.core.address().0
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let path = text::shown(&text::path(py, self.core.file_path())?)?;
        let (uuid, address) = (self.core.uuid(), self.core.address().0);
        let images = self.core.known().image_count();
        Ok(format!("<SharedCache {path} uuid={uuid} address={address:#x} images={images}>"))
    }
}

part!(SharedCache, "a SharedCache, which stands for files of this machine: pass its path, and open() it again");
