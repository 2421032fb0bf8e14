//! The shared cache of a process, as far as its record describes it.

use std::sync::{Arc, Mutex, PoisonError};

use atlas_core::model::{ImageSet, SharedCache as Core};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyWeakrefReference};

use super::image_list::ImageList;
use super::location::Location;
use super::mapping::Mapping;
use super::subcache::SubCache;
use crate::kept::{Kept, keep};
use crate::{addresses, uuids};

/// A dyld shared cache, as its atlas describes it and as the process has it.
///
/// Equal where UUID, address and path are.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct SharedCache {
    core: Arc<Core>,
    images: Kept<ImageList>,
    subcaches: Kept<PyTuple>,
}

/// The object that stands for a cache of the core, as a weak reference: the cache must not own what owns it.
type Standing = Mutex<Option<Py<PyWeakrefReference>>>;

/// The object for a cache: the same as long as anybody holds it, whichever snapshot or image it is reached from.
pub fn object<'py>(py: Python<'py>, core: &Arc<Core>) -> PyResult<Bound<'py, SharedCache>> {
    let standing = core.companion(Standing::default);
    // Nothing that calls Python runs under the lock, so it is never held while the interpreter is waited for.
    let known = standing.and_then(|standing| {
        let known = standing.lock().unwrap_or_else(PoisonError::into_inner);
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
        std::mem::swap(&mut *standing.lock().unwrap_or_else(PoisonError::into_inner), &mut weak);
    }
    // What stood there before is dropped here, without the lock.
    drop(weak);
    Ok(object)
}

impl SharedCache {
    fn list<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<&'a Bound<'py, ImageList>> {
        keep(&self.images, py, || ImageList::new(py, Arc::new(ImageSet::of_cache(Arc::clone(&self.core)))))
    }
}

#[pymethods]
impl SharedCache {
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

    /// Bytes in a pointer: 4 or 8, from the flags of the snapshot.
    #[getter]
    fn pointer_size(&self) -> u64 {
        self.core.pointer_size()
    }

    /// The pointer size as the record has it, which Apple's builder writes inverted: 4 for 64-bit caches.
    #[getter]
    fn raw_pointer_size(&self) -> u64 {
        self.core.known().raw_pointer_size()
    }

    /// Such as arm64e, from the name of the main file; "" where that follows no rule.
    #[getter]
    fn architecture(&self) -> &str {
        self.core.architecture()
    }

    /// What the cache is for. None: its record does not say.
    #[getter]
    fn platform(&self) -> Option<Py<PyAny>> {
        None
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
        let paths = SubCache::all(&self.core).map(|subcache| subcache.path().to_owned());
        PyTuple::new(py, paths.collect::<Vec<_>>())
    }

    /// Names of files that the cache needs and that are not there. Empty here: no file is opened.
    #[getter]
    fn missing_files<'py>(&self, py: Python<'py>) -> Bound<'py, PyTuple> {
        PyTuple::empty(py)
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

    /// The path of the file of local symbols on the process's machine.
    #[getter]
    fn local_symbols_path(&self) -> Option<String> {
        self.core.known().symbol_file_name().map(|name| self.core.path_beside(name))
    }

    /// Its UUID.
    #[getter]
    fn local_symbols_uuid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.core.known().symbol_file_uuid().map(|uuid| uuids::new(py, uuid)).transpose()
    }

    /// What was passed over while reading the record.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.known().warnings())
    }

    /// The mappings of all files but that of local symbols.
    fn mappings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mapped = SubCache::all(&self.core).filter(|subcache| !subcache.holds_symbols());
        let mappings: Vec<Mapping> = mapped.flat_map(|subcache| subcache.all_mappings().collect::<Vec<_>>()).collect();
        PyTuple::new(py, mappings)
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

    fn __repr__(&self) -> String {
        let (path, uuid, address) = (self.core.file_path(), self.core.uuid(), self.core.address().0);
        let images = self.core.known().image_count();
        format!("<SharedCache {path} uuid={uuid} address={address:#x} images={images}>")
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (_memo, /))]
    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}
