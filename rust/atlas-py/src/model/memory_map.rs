//! A cache as an emulator maps it.

use std::sync::Arc;

use atlas_core::address::{PreferredAddress, Slide};
use atlas_core::memory::CacheMemory;
use atlas_core::model::{MemoryRegion as Core, SharedCache};
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PyTuple};

use crate::errors::OrRaise;
use crate::{addresses, buffers, enums};

/// A region of the memory of a cache: whole pages that are protected in the same way.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct MemoryRegion {
    memory: Arc<CacheMemory>,
    core: Core,
    slide: Slide,
}

impl MemoryRegion {
    /// All regions of `cache`, whose files are `memory`, moved by `slide`.
    ///
    /// # Errors
    /// `MemoryError`
    pub fn all<'py>(
        py: Python<'py>,
        cache: &SharedCache,
        memory: &Arc<CacheMemory>,
        slide: Slide,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let regions = cache.memory_map().into_iter();
        let regions = regions.map(|core| Self { memory: Arc::clone(memory), core, slide });
        PyTuple::new(py, regions.collect::<Vec<_>>())
    }
}

#[pymethods]
impl MemoryRegion {
    /// Where it begins in a process, at a page.
    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::rebased(py, PreferredAddress(self.core.address) + self.slide)
    }

    /// The same without slide.
    #[getter]
    fn preferred_load_address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, PreferredAddress(self.core.address))
    }

    /// Bytes, whole pages.
    #[getter]
    fn size(&self) -> u64 {
        self.core.size
    }

    /// What it may be used for at first.
    #[getter]
    fn permissions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        enums::PERMISSIONS.member(py, self.core.permissions)
    }

    /// Its bytes, read-only, as a process has them: pointers moved by the slide. Raises CacheError,
    /// UnmappedAddressError.
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        // Refused before memory is spent on it.
        for (address, size) in &self.core.parts {
            self.memory.check(*address, *size).or_raise(py)?;
        }
        let fill = |window: &mut [u8]| {
            for (address, size) in &self.core.parts {
                let start = usize::try_from(address.wrapping_sub(self.core.address)).unwrap_or(usize::MAX);
                let end = usize::try_from(*size).ok().and_then(|size| start.checked_add(size));
                if let Some(part) = end.and_then(|end| window.get_mut(start..end)) {
                    self.memory.read_into(*address, part, Some(self.slide.0))?;
                }
            }
            Ok(())
        };
        PyMemoryView::from(buffers::filled(py, self.core.size, fill)?.as_any())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (address, permissions) =
            ((PreferredAddress(self.core.address) + self.slide).0, self.permissions(py)?.str()?);
        Ok(format!("<MemoryRegion {address:#x} size={:#x} {}>", self.core.size, permissions.to_string_lossy()))
    }
}

part!(MemoryRegion, "a MemoryRegion, which is a part of its cache: open the SharedCache again");
