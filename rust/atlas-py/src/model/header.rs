//! What the header of a cache file says that has no property of its own.

use atlas_core::address::PreferredAddress;
use atlas_core::cache::CacheFile;
use atlas_core::cache::file::{AddressRange, FileRange, Format, OffsetRange, Table};
use atlas_core::cache::tables;
use atlas_core::macho::{Architecture, Version};
use atlas_core::memory::CacheMemory;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMappingProxy};
use uuid::Uuid;

use super::images::Images;
use super::{discovery, memory};
use crate::errors::OrRaise;
use crate::{addresses, uuids};

/// A value of a header on its way to Python.
trait Field {
    /// The object.
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>>;
}

impl Field for u32 {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.into_pyobject(py)?.into_any())
    }
}

impl Field for u64 {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.into_pyobject(py)?.into_any())
    }
}

impl Field for Format {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.object(py)
    }
}

impl Field for Version {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.object(py)
    }
}

impl Field for Uuid {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        uuids::new(py, self)
    }
}

impl Field for PreferredAddress {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, self)
    }
}

impl Field for AddressRange {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok((self.address.object(py)?, self.size).into_pyobject(py)?.into_any())
    }
}

impl Field for FileRange {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok((self.offset, self.size).into_pyobject(py)?.into_any())
    }
}

impl Field for OffsetRange {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok((self.vm_offset, self.size).into_pyobject(py)?.into_any())
    }
}

impl Field for Table {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok((self.offset, self.count).into_pyobject(py)?.into_any())
    }
}

impl Field for Architecture {
    fn object<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok((self.cpu_type, self.cpu_subtype).into_pyobject(py)?.into_any())
    }
}

macro_rules! fields {
    ($dictionary:ident, $header:ident: $($name:ident)*) => {
        $(if let Some(value) = $header.$name {
            $dictionary.set_item(stringify!($name), value.object($dictionary.py())?)?;
        })*
    };
}

/// The header of `file`; empty where there is no file.
pub fn mapping<'py>(py: Python<'py>, file: Option<&CacheFile>) -> PyResult<Bound<'py, PyMappingProxy>> {
    let dictionary = PyDict::new(py);
    if let Some(file) = file {
        let header = file.header();
        dictionary.set_item("magic", file.magic())?;
        dictionary.set_item("mapping_offset", header.mapping_offset)?;
        dictionary.set_item("mapping_count", header.mapping_count)?;
        fields!(dictionary, header:
            images_old dyld_base_address code_signature slide_info local_symbols uuid cache_type branch_pools
            dyld_in_cache_header dyld_in_cache_entry images_text patch_info other_image_group program_closures
            program_closures_trie platform format shared_region_start shared_region_size max_slide dylibs_image_array
            dylibs_trie other_image_array other_trie mapping_with_slide dylibs_prebuilt_loader_states
            dylibs_prebuilt_loaders program_prebuilt_loaders program_trie os_version alternate_platform
            alternate_os_version swift_optimizations subcaches symbol_file_uuid rosetta_read_only rosetta_read_write
            images sub_type objc_optimizations cache_atlas dynamic_data tpro function_variants prewarming cpu
        );
        dictionary.set_item("unknown_bytes", PyBytes::new(py, file.unknown_header()))?;
    }
    Ok(PyMappingProxy::new(py, dictionary.as_mapping()))
}

/// The paths that lead to images besides their own, from the trie of paths, in old caches from the table of images.
///
/// # Errors
/// `CacheError` where there is no such trie at the place that the header names.
pub fn aliases<'py>(py: Python<'py>, cache: &CacheMemory, images: &Images) -> PyResult<Bound<'py, PyMappingProxy>> {
    let (aliases, set) = (PyDict::new(py), images.set());
    let trie = cache.dylibs_trie().map_err(|error| memory::with_missing(cache, error)).or_raise(py)?;
    let main = cache.main_file().or_raise(py)?;
    for paths in py.detach(|| [tables::alias_rows(main), trie.map(|trie| trie.paths()).unwrap_or_default()]) {
        for fault in &paths.faults {
            discovery::warn(py, fault)?;
        }
        for (path, row) in paths.entries {
            let Some(index) = main.image(row).and_then(|image| set.by_cache_address(image.address)) else { continue };
            // A trie that counts images which the table lacks gives paths of images to others.
            let is_own = |image: u32| set.install_name(image as usize).is_some_and(|name| name.is(&path));
            if !set.by_name(&path).is_some_and(is_own) {
                aliases.set_item(path, images.get(py, index as usize)?)?;
            }
        }
    }
    Ok(PyMappingProxy::new(py, aliases.as_mapping()))
}
