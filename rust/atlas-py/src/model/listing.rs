//! A whole snapshot as plain values, in one pass.
//!
//! The records of images and segments are very many and all of one shape: each begins as a copy of a dictionary that
//! has the keys already, which spares the growing of its table.

use atlas_core::model::{
    CacheFileName, CacheMapping, ImageColumns, ImageSet, ListVisitor, SharedCache, Snapshot as Core,
};
use atlas_core::schema::{AotImageRow, SegmentRow, SubCacheRow, UnknownOfImage, UnknownOfSubCache};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use uuid::Uuid;

use super::names;
use super::snapshot::Snapshot;
use super::unknown::Unknown;
use crate::enums;
use crate::formats::plist_read::Builder;
use crate::model::names::SegmentNames;
use crate::text;

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
    let limits = core.options().policy.limits;
    let (mut own_values, mut cache_values) = (Builder::new(py, true), Builder::new(py, true));
    let mut unknown = Records {
        own: Unknown::new(record.plist(), &limits, &mut own_values),
        cache: core
            .shared_cache()
            .and_then(|cache| cache.known().record())
            .map(|cache| Unknown::new(cache.plist(), &limits, &mut cache_values)),
    };
    let environment = object.environment(py)?.map(|environment| environment.get().dictionary(py).copy()).transpose()?;
    if let Some(environment) = &environment {
        unknown.own.add_to(environment, &record.unknown_of_environment())?;
    }
    let aot_images = record.aot_images().map(|rows| aot_images(py, rows, core, &mut unknown)).transpose()?;
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
        images: images(py, core.images(), &mut unknown)?,
        aot_images: aot_images,
        shared_cache_record: cache_record(py, core, &mut unknown)?,
        shared_cache: core.shared_cache().map(|cache| shared_cache(py, cache, &mut unknown)).transpose()?,
        warnings: PyList::new(py, core.warnings())?,
        unknown_keys: unknown.own.dictionary(py, &record.unknown())?.unwrap_or_else(|| PyDict::new(py)),
    }))
}

/// What is not known of the two property lists, each under one budget for all of its keys.
struct Records<'a, 'py> {
    own: Unknown<'a, 'py>,
    cache: Option<Unknown<'a, 'py>>,
}

fn list<'py, T>(
    py: Python<'py>,
    items: impl IntoIterator<Item = T>,
    make: impl FnMut(T) -> PyResult<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, items.into_iter().map(make).collect::<PyResult<Vec<_>>>()?)
}

fn identifier(py: Python<'_>, uuid: Uuid) -> Bound<'_, PyString> {
    PyString::new(py, uuid.hyphenated().encode_upper(&mut Uuid::encode_buffer()))
}

fn images<'py>(py: Python<'py>, set: &ImageSet, unknown: &mut Records<'_, 'py>) -> PyResult<Bound<'py, PyList>> {
    let none = py.None();
    let image_keys = record!(py, {
        name: &none, uuid: &none, install_name: &none, file_path: &none, address: &none, preferred_load_address: &none,
        slide: &none, in_shared_cache: &none, segments: &none,
    });
    let segment_keys = record!(py, {
        name: &none, address: &none, preferred_load_address: &none, vm_size: &none, file_size: &none,
        file_offset: &none, permissions: &none,
    });
    let images = Vec::with_capacity(set.len());
    let mut listing = Listing {
        set,
        columns: set.columns(),
        image_keys,
        segment_keys,
        images,
        segments: Vec::new(),
        current: 0,
        slide: 0,
        names: SegmentNames::default(),
        unknown,
        result: Ok(()),
    };
    set.walk(&mut listing);
    listing.finish(py)
}

/// Gathers the records of segments until the next image comes.
struct Listing<'a, 'b, 'py> {
    set: &'a ImageSet,
    columns: &'a ImageColumns,
    image_keys: Bound<'py, PyDict>,
    segment_keys: Bound<'py, PyDict>,
    images: Vec<Bound<'py, PyDict>>,
    segments: Vec<Bound<'py, PyDict>>,
    /// The image whose segments are shown, and how far it was moved.
    current: usize,
    slide: u64,
    names: SegmentNames<'py>,
    unknown: &'a mut Records<'b, 'py>,
    /// The first thing that went wrong; nothing is made after it.
    result: PyResult<()>,
}

impl ListVisitor for Listing<'_, '_, '_> {
    fn image(&mut self, index: usize) {
        let py = self.image_keys.py();
        if index > 0 && self.result.is_ok() {
            self.result = self.complete(py);
        }
        self.current = index;
        let at = |column: &[u64]| column.get(index).copied().unwrap_or_default();
        self.slide = at(&self.columns.address).wrapping_sub(at(&self.columns.preferred_load_address));
    }

    #[inline]
    fn segment(&mut self, row: &SegmentRow) {
        if self.result.is_ok() {
            self.result = self.add(row);
        }
    }
}

impl<'b, 'py> Listing<'_, 'b, 'py> {
    #[inline]
    fn add(&mut self, row: &SegmentRow) -> PyResult<()> {
        let record = self.segment_keys.copy()?;
        let py = record.py();
        let file_size = row.file_size.into_pyobject(py)?;
        fill!(py, record, {
            name: self.names.get(py, self.set, self.current, row.name)?,
            address: row.preferred_load_address.wrapping_add(self.slide),
            preferred_load_address: row.preferred_load_address,
            file_size: &file_size,
            permissions: row.permissions,
        });
        // Nearly all segments are as long in memory as in the file: one number for both.
        if row.vm_size == row.file_size {
            record.set_item(intern!(py, "vm_size"), file_size)?;
        } else {
            record.set_item(intern!(py, "vm_size"), row.vm_size)?;
        }
        // What stays None is there already.
        if let Some(offset) = row.file_offset {
            record.set_item(intern!(py, "file_offset"), offset)?;
        }
        self.segments.push(record);
        Ok(())
    }

    /// Makes the record of the current image, whose segments are all there.
    fn complete(&mut self, py: Python<'py>) -> PyResult<()> {
        let (set, columns, index) = (self.set, self.columns, self.current);
        let unknown = set.unknown(index);
        if let Some(unknown) = &unknown {
            self.add_unknown_of_segments(unknown)?;
        }
        let record = self.image_keys.copy()?;
        fill!(py, record, {
            name: names::name(py, set, index, None)?,
            address: columns.address.get(index),
            preferred_load_address: columns.preferred_load_address.get(index),
            slide: self.slide,
            in_shared_cache: set.is_in_cache(index),
            segments: PyList::new(py, self.segments.drain(..))?,
        });
        if let Some(name) = names::install_name(py, set, index, None)? {
            record.set_item(intern!(py, "install_name"), name)?;
        }
        if let Some(uuid) = columns.uuid.get(index).filter(|_| columns.has_uuid(index)) {
            record.set_item(intern!(py, "uuid"), identifier(py, Uuid::from_bytes(*uuid)))?;
        }
        if let Some(path) = names::file_path(py, set, index)? {
            record.set_item(intern!(py, "file_path"), path)?;
        }
        if let (Some(unknown), Some(values)) = (&unknown, self.values_of_current()) {
            values.add_to(&record, &unknown.image)?;
        }
        self.images.push(record);
        Ok(())
    }

    /// The unknown values of the property list that the current image stands in.
    fn values_of_current(&mut self) -> Option<&mut Unknown<'b, 'py>> {
        match self.set.cache_index(self.current) {
            Some(_) => self.unknown.cache.as_mut(),
            None => Some(&mut self.unknown.own),
        }
    }

    /// Completes the records of the current image's segments.
    #[cold]
    fn add_unknown_of_segments(&mut self, unknown: &UnknownOfImage) -> PyResult<()> {
        let segments = std::mem::take(&mut self.segments);
        if let Some(values) = self.values_of_current() {
            for (record, keys) in segments.iter().zip(&unknown.segments) {
                values.add_to(record, keys)?;
            }
        }
        self.segments = segments;
        Ok(())
    }

    fn finish(mut self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        std::mem::replace(&mut self.result, Ok(()))?;
        if !self.columns.is_empty() {
            self.complete(py)?;
        }
        PyList::new(py, self.images)
    }
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

fn aot_images<'py>(
    py: Python<'py>,
    rows: Vec<AotImageRow>,
    snapshot: &Core,
    unknown: &mut Records<'_, 'py>,
) -> PyResult<Bound<'py, PyList>> {
    let keys = snapshot.record().unknown_of_aot_images();
    list(py, rows.iter().zip(keys), |(row, keys)| {
        let record = aot_image(py, row)?;
        unknown.own.add_to(&record, &keys)?;
        Ok(record)
    })
}

fn cache_record<'py>(
    py: Python<'py>,
    snapshot: &Core,
    unknown: &mut Records<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let Some(cache) = &snapshot.record().cache else { return Ok(None) };
    // Further bits than the cache has images mean nothing, and there may be very many of them.
    let known = snapshot.shared_cache().map(|cache| cache.known());
    let count = known.map_or(usize::MAX, |known| known.written_image_count()).min(cache.bit_count());
    let used = (0..count).filter(|&index| cache.uses(index));
    let record = record!(py, {
        uuid: identifier(py, cache.uuid),
        address: cache.address,
        file_path: text::utf8(py, cache.file_path.as_bytes())?,
        used_images: PyList::new(py, used.collect::<Vec<_>>())?,
        aot_uuid: cache.aot_uuid.map(|uuid| identifier(py, uuid)),
        aot_address: cache.aot_address,
    });
    unknown.own.add_to(&record, &snapshot.record().unknown_of_cache())?;
    Ok(Some(record))
}

fn shared_cache<'py>(
    py: Python<'py>,
    cache: &SharedCache,
    unknown: &mut Records<'_, 'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let known = cache.known();
    let files = cache.subcaches().iter().zip(cache.file_names()).enumerate();
    let subcaches = files.map(|(index, (row, name))| subcache(py, cache, index, row, &name));
    let subcaches = subcaches.collect::<PyResult<Vec<_>>>()?;
    let record = record!(py, {
        uuid: identifier(py, cache.uuid()),
        address: cache.address().0,
        preferred_load_address: cache.preferred_load_address().0,
        slide: cache.slide().0,
        vm_size: cache.vm_size(),
        pointer_size: cache.pointer_size(),
        raw_pointer_size: known.raw_pointer_size(),
        architecture: cache.architecture(),
        platform: cache.platform(),
        mapped_private: cache.mapped_private(),
        image_count: known.image_count(),
        subcaches: PyList::new(py, &subcaches)?,
        aot_uuid: cache.aot_uuid().map(|uuid| identifier(py, uuid)),
        aot_address: cache.aot_address().map(|address| address.0),
        local_symbols_path: match known.symbol_file_name() {
            Some(name) => Some(text::path(py, &cache.file_path().beside(name))?),
            None => None,
        },
        local_symbols_uuid: known.symbol_file_uuid().map(|uuid| identifier(py, uuid)),
        warnings: PyList::new(py, cache.warnings())?,
    });
    if let (Some(known), Some(values)) = (known.record(), &mut unknown.cache) {
        values.add_to(&record, &known.unknown())?;
        for (record, keys) in subcaches.iter().zip(known.unknown_of_subcaches()) {
            add_unknown_of_subcache(values, record, &keys)?;
        }
    }
    Ok(record)
}

fn add_unknown_of_subcache<'py>(
    values: &mut Unknown<'_, 'py>,
    record: &Bound<'py, PyDict>,
    keys: &UnknownOfSubCache,
) -> PyResult<()> {
    values.add_to(record, &keys.subcache)?;
    if keys.mappings.iter().all(Vec::is_empty) {
        return Ok(());
    }
    let mappings = record.as_any().get_item(intern!(record.py(), "mappings"))?;
    for (mapping, keys) in mappings.try_iter()?.zip(&keys.mappings) {
        values.add_to(mapping?.cast::<PyDict>()?, keys)?;
    }
    Ok(())
}

fn subcache<'py>(
    py: Python<'py>,
    cache: &SharedCache,
    index: usize,
    row: &SubCacheRow,
    name: &CacheFileName,
) -> PyResult<Bound<'py, PyDict>> {
    let mappings = cache.mappings_of(index);
    Ok(record!(py, {
        name: text::path(py, &name.name)?,
        uuid: identifier(py, row.uuid),
        vm_offset: row.vm_offset,
        vm_size: row.vm_size,
        file_size: row.file_size,
        file_path: text::path(py, &name.path)?,
        preferred_load_address: row.preferred_load_address,
        mappings: list(py, mappings, |mapping| mapping_record(py, &mapping))?,
    }))
}

fn mapping_record<'py>(py: Python<'py>, mapping: &CacheMapping) -> PyResult<Bound<'py, PyDict>> {
    let row = &mapping.row;
    Ok(record!(py, {
        name: mapping.name,
        preferred_load_address: row.preferred_load_address,
        size: row.size,
        file_offset: row.file_offset,
        max_protection: row.max_protection,
    }))
}
