//! Look-ups in a list of images: by UUID, by name, by many addresses at once.

use std::sync::Arc;

use atlas_core::model::ImageSet;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::buffers::{Addresses, ColumnBuffer, Indices};
use crate::{detach, text, uuids};

/// The first image with a UUID.
///
/// # Errors
/// `KeyError` where there is none, `TypeError` and `ValueError` for what is no UUID.
pub fn by_uuid(set: &ImageSet, uuid: &Bound<'_, PyAny>) -> PyResult<usize> {
    let uuid = uuids::argument(uuid)?;
    let found = set.by_uuid(uuid).map(|index| index as usize);
    found.ok_or_else(|| PyKeyError::new_err(format!("no image has the UUID {uuid}")))
}

/// The first image with a name.
///
/// # Errors
/// `KeyError` where there is none.
pub fn by_name(set: &ImageSet, name: &Bound<'_, PyString>) -> PyResult<usize> {
    let found = match name.to_str() {
        Ok(name) => set.by_name(name).map(|index| index as usize),
        // A name with lone surrogates is looked for among the names that have such.
        Err(_) => by_odd_name(set, name)?,
    };
    found.ok_or_else(|| unknown_name(set, &name.to_string_lossy()))
}

fn by_odd_name(set: &ImageSet, name: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
    let is_name = |text: Bound<'_, PyString>| text.as_any().eq(name);
    for index in 0..set.len() {
        for path in [set.install_name(index), set.file_path(index)].into_iter().flatten() {
            if path.decode().is_none()
                && (is_name(text::text(name.py(), path)?)? || is_name(text::text(name.py(), path.leaf())?)?)
            {
                return Ok(Some(index));
            }
        }
    }
    Ok(None)
}

/// Says what was meant, if a name begins as the given one does: `libobjc` for `libobjc.A.dylib`.
#[cold]
fn unknown_name(set: &ImageSet, name: &str) -> PyErr {
    let asked = name.to_lowercase();
    let leaves = (0..set.len()).filter_map(|index| set.install_name(index).or_else(|| set.file_path(index)));
    let mut leaves = leaves.map(|path| path.leaf().decode_lossy().into_owned());
    let meant = leaves.find(|leaf| !asked.is_empty() && leaf.to_lowercase().starts_with(&asked));
    let hint = meant.map_or_else(String::new, |meant| format!("; there is {meant:?}"));
    PyKeyError::new_err(format!("no image is named {name:?}{hint}"))
}

/// Addresses that are looked up between two copies: few enough for the stack and the processor's first cache.
const BLOCK: usize = 1024;

/// The index of the image at each address, in `out` or in a new column.
///
/// # Errors
/// `TypeError`, `ValueError`, `BufferError` for buffers that do not fit.
pub fn indices_at<'py>(
    set: &Arc<ImageSet>,
    addresses: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = addresses.py();
    let addresses = Addresses::open(addresses)?;
    let size = addresses.len().saturating_mul(size_of::<u64>());
    if let Some(out) = out {
        let indices = Indices::open(out, addresses.len())?;
        detach::where_large(py, size, || {
            let mut found = [0; BLOCK];
            each_block(set, &addresses, |start, count, look_up| {
                if let Some(found) = found.get_mut(..count) {
                    look_up(found);
                    indices.write(start, found);
                }
            });
        });
        return Ok(out.clone());
    }
    let found = detach::where_large(py, size, || {
        let mut found = vec![0; addresses.len()];
        each_block(set, &addresses, |start, count, look_up| {
            if let Some(found) = found.get_mut(start..start + count) {
                look_up(found);
            }
        });
        found
    });
    ColumnBuffer::new(found).into_bound_py_any(py)
}

/// Reads the addresses block by block; `place` is told where a block starts and how long it is, and says where to put
/// what is found.
fn each_block(set: &ImageSet, addresses: &Addresses, mut place: impl FnMut(usize, usize, &dyn Fn(&mut [i32]))) {
    let ranges = set.ranges();
    let mut block = [0; BLOCK];
    let mut start = 0;
    while start < addresses.len() {
        let count = addresses.read(start, &mut block);
        let asked = block.get(..count).unwrap_or_default();
        place(start, count, &|found| ranges.lookup(asked, found));
        start += count.max(1);
    }
}
