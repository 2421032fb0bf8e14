//! A whole snapshot as plain values, in one pass.
//!
//! The records of images and segments are very many and all of one shape: each begins as a copy of a dictionary that has the
//! keys already, which spares the growing of its table.

use atlas_core::model::{Image, ImageSet, Segment, SharedCache};
use atlas_core::schema::{AotImageRow, CacheReference, MappingRow, SubCacheRow};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use uuid::Uuid;

use super::snapshot::Snapshot;
use super::{mapping, names};
use crate::{enums, text};

/// A dictionary with keys that are spelt once.
macro_rules! record {
    ($py:expr, { $($key:ident: $value:expr),* $(,)? }) => {{
        let record = PyDict::new($py);
        fill!($py, record, { $($key: $value),* });
        record
    }};
}

macro_rules! fill {
    ($py:expr, $record:ident, { $($key:ident: $value:expr),* $(,)? }) => {
        $($record.set_item(intern!($py, stringify!($key)), $value)?;)*
    };
}

/// `Snapshot.to_dict()`.
pub fn snapshot<'py>(py: Python<'py>, object: &Snapshot) -> PyResult<Bound<'py, PyDict>> {
    let (core, record) = (object.core(), object.core().record());
    let environment = object.environment(py)?.map(|environment| environment.get().dictionary(py).copy()).transpose()?;
    let aot_images = record.aot_images().map(|rows| list(py, rows, |row| aot_image(py, &row))).transpose()?;
    let member =
        |enumeration: &enums::Enumeration, value: u64| enumeration.member(py, value)?.getattr(intern!(py, "name"));
    Ok(record!(py, {
        pid: record.pid,
        platform: record.platform,
        platform_name: member(&enums::PLATFORM, record.platform)?,
        state: record.state,
        state_name: member(&enums::PROCESS_STATE, record.state)?,
        timestamp: record.timestamp,
        initial_image_count: record.initial_image_count,
        flags: record.flags,
        page_size: core.page_size(),
        pointer_size: core.pointer_size(),
        environment: environment,
        metrics: object.metrics_dictionary(py)?,
        images: images(py, core.images())?,
        aot_images: aot_images,
        shared_cache_record: record.cache.as_ref().map(|cache| cache_record(py, cache)).transpose()?,
        shared_cache: core.shared_cache().map(|cache| shared_cache(py, cache)).transpose()?,
        warnings: PyList::new(py, core.warnings())?,
        unknown_keys: object.unknown(py, true)?,
    }))
}

fn list<'py, T>(
    py: Python<'py>,
    items: impl IntoIterator<Item = T>,
    make: impl Fn(T) -> PyResult<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, items.into_iter().map(make).collect::<PyResult<Vec<_>>>()?)
}

fn identifier(py: Python<'_>, uuid: Uuid) -> Bound<'_, PyString> {
    PyString::new(py, uuid.hyphenated().encode_upper(&mut Uuid::encode_buffer()))
}

fn images<'py>(py: Python<'py>, set: &std::sync::Arc<ImageSet>) -> PyResult<Bound<'py, PyList>> {
    let none = py.None();
    let image_keys = record!(py, {
        name: &none, uuid: &none, install_name: &none, file_path: &none, address: &none, preferred_load_address: &none,
        slide: &none, in_shared_cache: &none, segments: &none,
    });
    let segment_keys = record!(py, {
        name: &none, address: &none, preferred_load_address: &none, vm_size: &none, file_size: &none,
        file_offset: &none, permissions: &none,
    });
    let mut images = Vec::with_capacity(set.len());
    for index in 0..set.len() {
        let Some(core) = set.get(index) else { break };
        images.push(image(py, image_keys.copy()?, &segment_keys, &core)?);
    }
    PyList::new(py, images)
}

fn image<'py>(
    py: Python<'py>,
    record: Bound<'py, PyDict>,
    segment_keys: &Bound<'py, PyDict>,
    image: &Image,
) -> PyResult<Bound<'py, PyDict>> {
    let (set, index) = (image.set(), image.index() as usize);
    let mut segments = Vec::with_capacity(image.segment_count());
    for found in image.segments() {
        segments.push(segment(py, segment_keys.copy()?, &found)?);
    }
    fill!(py, record, {
        name: names::name(py, set, index, None)?,
        install_name: names::install_name(py, set, index, None)?,
        address: image.address().0,
        preferred_load_address: image.preferred_load_address().0,
        slide: image.slide().0,
        in_shared_cache: set.is_in_cache(index),
        segments: PyList::new(py, segments)?,
    });
    // What stays None is there already.
    if let Some(uuid) = image.uuid() {
        record.set_item(intern!(py, "uuid"), identifier(py, uuid))?;
    }
    if let Some(path) = names::file_path(py, set, index)? {
        record.set_item(intern!(py, "file_path"), path)?;
    }
    Ok(record)
}

#[inline]
fn segment<'py>(py: Python<'py>, record: Bound<'py, PyDict>, segment: &Segment) -> PyResult<Bound<'py, PyDict>> {
    fill!(py, record, {
        address: segment.address().0,
        preferred_load_address: segment.preferred_load_address().0,
        vm_size: segment.vm_size(),
        file_size: segment.file_size(),
        permissions: segment.permissions(),
    });
    if let Some(name) = segment.name() {
        record.set_item(intern!(py, "name"), text::name(py, name)?)?;
    }
    if let Some(offset) = segment.file_offset() {
        record.set_item(intern!(py, "file_offset"), offset)?;
    }
    Ok(record)
}

fn aot_image<'py>(py: Python<'py>, row: &AotImageRow) -> PyResult<Bound<'py, PyDict>> {
    let key: String = row.image_key.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(record!(py, {
        x86_address: row.x86_address,
        aot_address: row.aot_address,
        aot_size: row.aot_size,
        image_key: key,
    }))
}

fn cache_record<'py>(py: Python<'py>, cache: &CacheReference) -> PyResult<Bound<'py, PyDict>> {
    let used = (0..cache.bit_count()).filter(|&index| cache.uses(index));
    Ok(record!(py, {
        uuid: identifier(py, cache.uuid),
        address: cache.address,
        file_path: &cache.file_path,
        used_images: PyList::new(py, used.collect::<Vec<_>>())?,
        aot_uuid: cache.aot_uuid.map(|uuid| identifier(py, uuid)),
        aot_address: cache.aot_address,
    }))
}

fn shared_cache<'py>(py: Python<'py>, cache: &SharedCache) -> PyResult<Bound<'py, PyDict>> {
    let record = cache.known().record();
    Ok(record!(py, {
        uuid: identifier(py, cache.uuid()),
        address: cache.address().0,
        preferred_load_address: cache.preferred_load_address().0,
        slide: cache.slide().0,
        vm_size: cache.vm_size(),
        pointer_size: cache.pointer_size(),
        raw_pointer_size: record.raw_pointer_size,
        architecture: cache.architecture(),
        platform: py.None(),
        mapped_private: cache.mapped_private(),
        image_count: record.images.len(),
        subcaches: list(py, cache.subcaches(), |row| subcache(py, cache, row))?,
        aot_uuid: cache.aot_uuid().map(|uuid| identifier(py, uuid)),
        aot_address: cache.aot_address().map(|address| address.0),
        local_symbols_path: record.symbol_file_name.as_ref().map(|name| cache.path_beside(name)),
        local_symbols_uuid: record.symbol_file_uuid.map(|uuid| identifier(py, uuid)),
        warnings: PyList::new(py, cache.known().warnings())?,
    }))
}

fn subcache<'py>(py: Python<'py>, cache: &SharedCache, row: &SubCacheRow) -> PyResult<Bound<'py, PyDict>> {
    let name = cache.file_name(row);
    Ok(record!(py, {
        name: &name,
        uuid: identifier(py, row.uuid),
        vm_offset: row.vm_offset,
        vm_size: row.vm_size,
        file_size: row.file_size,
        file_path: cache.path_beside(&name),
        preferred_load_address: row.preferred_load_address,
        mappings: list(py, &row.mappings, |row| mapping_record(py, row))?,
    }))
}

fn mapping_record<'py>(py: Python<'py>, row: &MappingRow) -> PyResult<Bound<'py, PyDict>> {
    Ok(record!(py, {
        name: mapping::name(row),
        preferred_load_address: row.preferred_load_address,
        size: row.size,
        file_offset: row.file_offset,
        max_protection: row.max_protection,
    }))
}
