//! The tables that a cache may have or not: memory of dyld's own, pages to read early, functions in several variants,
//! and what the system fills in when it starts.

use std::sync::Arc;

use atlas_core::address::PreferredAddress;
use atlas_core::cache::file::AddressRange;
use atlas_core::cache::tables::{DynamicData as CoreData, FunctionVariant as CoreVariant};
use atlas_core::memory::CacheMemory;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::{memory, pointers};
use crate::errors::OrRaise;
use crate::sequences::{Items, LazySequence};
use crate::{addresses, buffers, text};

/// Each range as (address, size).
fn ranges<'py>(py: Python<'py>, ranges: &[AddressRange]) -> PyResult<Bound<'py, PyTuple>> {
    let pair = |range: &AddressRange| Ok((addresses::preferred(py, range.address)?, range.size));
    PyTuple::new(py, ranges.iter().map(pair).collect::<PyResult<Vec<_>>>()?)
}

/// Memory that only dyld writes.
///
/// # Errors
/// `CacheError`
pub fn tpro_mappings<'py>(py: Python<'py>, cache: &CacheMemory) -> PyResult<Bound<'py, PyTuple>> {
    ranges(py, &cache.tpro_mappings().or_raise(py)?)
}

/// Pages worth reading early.
///
/// # Errors
/// `CacheError`
pub fn prewarming<'py>(py: Python<'py>, cache: &CacheMemory) -> PyResult<Bound<'py, PyTuple>> {
    let found = cache.prewarming().map_err(|error| memory::with_missing(cache, error)).or_raise(py)?;
    ranges(py, &found.unwrap_or_default().ranges)
}

struct Variants(Vec<CoreVariant>);

impl Items for Variants {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let variant = self.0.get(index).copied().ok_or_else(super::images::out_of_range)?;
        Ok(Bound::new(py, FunctionVariant(variant))?.into_any())
    }
}

/// Pointers to functions that exist in several variants.
///
/// # Errors
/// `CacheError`
pub fn function_variants<'py>(py: Python<'py>, cache: &CacheMemory) -> PyResult<Bound<'py, LazySequence>> {
    let found = py.detach(|| cache.function_variants()).map_err(|error| memory::with_missing(cache, error));
    LazySequence::new(py, Arc::new(Variants(found.or_raise(py)?.unwrap_or_default().entries)))
}

/// What the region holds that the system fills in: in `region`, or in the files of the cache.
///
/// # Errors
/// `CacheError`, and `TypeError` for what is no buffer.
pub fn dynamic_data(
    py: Python<'_>,
    region: Option<&Bound<'_, PyAny>>,
    cache: impl FnOnce() -> PyResult<Arc<CacheMemory>>,
) -> PyResult<Option<DynamicData>> {
    let found = match region {
        Some(region) => CoreData::parse(&buffers::bytes(region)?),
        None => cache()?.dynamic_data().or_raise(py)?,
    };
    Ok(found.map(DynamicData))
}

/// A pointer that is set when the system starts, to one of the variants of a function.
#[pyclass(frozen, eq, hash, weakref, module = "dyld_atlas")]
#[derive(PartialEq, Eq, Hash)]
pub struct FunctionVariant(CoreVariant);

#[pymethods]
impl FunctionVariant {
    /// Where the pointer lies, unslid.
    #[getter]
    fn fixup_location<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, self.0.fixup_location)
    }

    /// Where the table of variants lies, unslid.
    #[getter]
    fn variants_table<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, self.0.variants_table)
    }

    /// Bytes of that table.
    #[getter]
    fn variants_table_size(&self) -> u32 {
        self.0.variants_table_size
    }

    /// Where the header of the library lies that has the variants, unslid.
    #[getter]
    fn dylib_header<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, self.0.dylib_header)
    }

    /// The position of that library in the list of images.
    #[getter]
    fn target_dylib(&self) -> u16 {
        self.0.target_dylib
    }

    /// Which function of the table.
    #[getter]
    fn variant(&self) -> u16 {
        self.0.variant
    }

    /// The key that the pointer is signed with, IA, IB, DA or DB; None for a plain pointer.
    #[getter]
    fn key(&self) -> Option<&'static str> {
        self.0.authentication.and_then(|(key, ..)| pointers::KEYS.get(usize::from(key)).copied())
    }

    /// The 16 bits that are mixed into the signature; 0 for a plain pointer.
    #[getter]
    fn diversity(&self) -> u16 {
        self.0.authentication.map_or(0, |(_, diversity, _)| diversity)
    }

    /// Whether the pointer's own address is mixed in, too.
    #[getter]
    fn address_diversity(&self) -> bool {
        self.0.authentication.is_some_and(|(.., address)| address)
    }

    fn __repr__(&self) -> String {
        let CoreVariant { fixup_location: PreferredAddress(at), dylib_header: PreferredAddress(header), .. } = self.0;
        let key = self.key().map_or_else(String::new, |key| format!(" key={key}"));
        format!("<FunctionVariant fixup_location={at:#x} dylib_header={header:#x} variant={}{key}>", self.0.variant)
    }
}

/// What a running system says of its cache, in the memory that it fills when it starts.
#[pyclass(frozen, eq, weakref, module = "dyld_atlas")]
#[derive(PartialEq, Eq)]
pub struct DynamicData(CoreData);

#[pymethods]
impl DynamicData {
    /// Of the region: 0 to 3 so far.
    #[getter]
    fn version(&self) -> u8 {
        self.0.version
    }

    /// fsid_t of the file system that the main file lies in.
    #[getter]
    fn file_system(&self) -> u64 {
        self.0.file_system
    }

    /// fs_obj_id_t of the main file: its number there.
    #[getter]
    fn file(&self) -> u64 {
        self.0.file
    }

    /// Where the cryptex with the system is mounted; since version 1.
    #[getter]
    fn os_cryptex_path(&self) -> Option<&str> {
        self.0.os_cryptex_path.as_deref()
    }

    /// The path of the main file; since version 2.
    #[getter]
    fn cache_path(&self) -> Option<&str> {
        self.0.cache_path.as_deref()
    }

    /// Which variants of functions fit the system, and which the processor, as bits; since version 3.
    #[getter]
    fn function_variant_flags(&self) -> Option<(u128, u128)> {
        self.0.function_variant_flags
    }

    fn __hash__(&self) -> u64 {
        self.0.file_system.rotate_left(32) ^ self.0.file
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let CoreData { version, file_system, file, cache_path, .. } = &self.0;
        let path = match cache_path {
            Some(path) => format!(" cache_path={}", text::shown(&PyString::new(py, path))?),
            None => String::new(),
        };
        Ok(format!("<DynamicData version={version} file_system={file_system:#x} file={file:#x}{path}>"))
    }
}

part!(FunctionVariant, "a FunctionVariant, which is a part of its cache: open the SharedCache again");
part!(DynamicData, "a DynamicData: pass the bytes of the region");
