//! Python objects as property lists: what `plistlib.dumps` takes, in the order in which it stands.

use std::collections::HashMap;

use atlas_core::bplist::{Reference, Writer};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::plist_read::epoch;
use crate::errors::OrRaise;

/// Writes a binary property list, as dyld's encoder lays it out.
///
/// Takes what plistlib.dumps takes: None, bool, int, float, str, bytes, bytearray, datetime, plistlib.UID, lists,
/// tuples and dictionaries with str keys, whose order is kept. A list or dictionary that occurs twice is written once.
/// Raises TypeError for anything else, OverflowError for an int outside of -2**63 to 2**64 - 1, ValueError for a
/// container within itself.
#[pyfunction]
#[pyo3(signature = (value, /))]
pub fn plist_dumps<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = value.py();
    let mut dump = Dump { writer: Writer::new(), containers: HashMap::new(), open: Vec::new() };
    let mut made = dump.enter(value.clone())?;
    while let Some(frame) = dump.open.last_mut() {
        if let Some(reference) = made.take() {
            frame.made.push(reference);
        }
        made = match frame.items.get(frame.made.len()) {
            Some(item) => {
                let item = item.clone();
                dump.enter(item)?
            }
            None => dump.leave(),
        };
    }
    let top = made.ok_or_else(|| PyValueError::new_err("nothing to write"))?;
    Ok(PyBytes::new(py, &dump.writer.finish(top).or_raise(py)?))
}

/// A container whose items are being written.
struct Frame<'py> {
    container: Bound<'py, PyAny>,
    /// Of a dictionary, its keys.
    keys: Option<Vec<Reference>>,
    items: Vec<Bound<'py, PyAny>>,
    made: Vec<Reference>,
}

/// The walk keeps its own stack, so that no nesting of objects can exhaust that of the thread.
struct Dump<'py> {
    writer: Writer,
    /// By identity; the containers are kept alive, so that no other object can take their place. `None` while open.
    containers: HashMap<usize, (Bound<'py, PyAny>, Option<Reference>)>,
    open: Vec<Frame<'py>>,
}

impl<'py> Dump<'py> {
    /// Writes a scalar, or begins a container and gives nothing yet.
    fn enter(&mut self, value: Bound<'py, PyAny>) -> PyResult<Option<Reference>> {
        let (items, keys) = if let Ok(list) = value.cast::<PyList>() {
            (list.iter().collect(), None)
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            (tuple.iter().collect(), None)
        } else if let Ok(dictionary) = value.cast::<PyDict>() {
            let mut keys = Vec::with_capacity(dictionary.len());
            let mut items = Vec::with_capacity(dictionary.len());
            for (key, item) in dictionary.iter() {
                let Ok(key) = key.cast::<PyString>() else {
                    let found = key.get_type().name()?;
                    return Err(PyTypeError::new_err(format!("keys must be strings, not {found}")));
                };
                keys.push(self.string(key)?);
                items.push(item);
            }
            (items, Some(keys))
        } else {
            return self.scalar(&value).map(Some);
        };
        let identity = value.as_ptr() as usize;
        match self.containers.get(&identity) {
            Some((_, Some(reference))) => return Ok(Some(*reference)),
            Some((_, None)) => return Err(PyValueError::new_err("a container holds itself")),
            None => {}
        }
        self.containers.insert(identity, (value.clone(), None));
        self.open.push(Frame { container: value, keys, items, made: Vec::new() });
        Ok(None)
    }

    /// Writes the innermost open container, whose items are all there.
    fn leave(&mut self) -> Option<Reference> {
        let frame = self.open.pop()?;
        let reference = match frame.keys {
            Some(keys) => self.writer.dictionary(&keys.into_iter().zip(frame.made).collect::<Vec<_>>()),
            None => self.writer.array(&frame.made),
        };
        self.containers.insert(frame.container.as_ptr() as usize, (frame.container, Some(reference)));
        Some(reference)
    }

    fn scalar(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Reference> {
        if let Ok(text) = value.cast::<PyString>() {
            return self.string(text);
        }
        // A bool is an int, too.
        if let Ok(value) = value.cast::<PyBool>() {
            return Ok(self.writer.boolean(value.is_true()));
        }
        if let Ok(value) = value.cast::<PyInt>() {
            if let Ok(value) = value.extract::<i64>() {
                return Ok(self.writer.integer(value));
            }
            let value: u64 = value.extract().map_err(|_| PyOverflowError::new_err("an int outside of 64 bits"))?;
            return Ok(self.writer.integer(value));
        }
        if let Ok(value) = value.cast::<PyFloat>() {
            return Ok(self.writer.real(value.value()));
        }
        if let Ok(data) = value.cast::<PyBytes>() {
            return Ok(self.writer.data(data.as_bytes()));
        }
        if let Ok(data) = value.cast::<PyByteArray>() {
            return Ok(self.writer.data(&data.to_vec()));
        }
        if value.is_none() {
            return Ok(self.writer.null());
        }
        self.foreign(value)
    }

    fn string(&mut self, text: &Bound<'py, PyString>) -> PyResult<Reference> {
        if let Ok(text) = text.to_str() {
            return Ok(self.writer.text(text));
        }
        // Lone surrogates: they have no UTF-8, but stand in UTF-16 as they are.
        let py = text.py();
        let bytes =
            text.call_method1(intern!(py, "encode"), (intern!(py, "utf-16-be"), intern!(py, "surrogatepass")))?;
        let units: Vec<u16> = bytes
            .cast::<PyBytes>()?
            .as_bytes()
            .chunks_exact(2)
            .map(|unit| u16::from_be_bytes([unit[0], unit[1]]))
            .collect();
        Ok(self.writer.utf16(&units))
    }

    /// The two classes of the standard library.
    fn foreign(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Reference> {
        static DATETIME: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static UID: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = value.py();
        if value.is_instance(DATETIME.import(py, "datetime", "datetime")?)? {
            return Ok(self.writer.date(seconds(value)?));
        }
        if value.is_instance(UID.import(py, "plistlib", "UID")?)? {
            return Ok(self.writer.uid(value.getattr(intern!(py, "data"))?.extract()?));
        }
        let found = value.get_type().name()?;
        Err(PyTypeError::new_err(format!("a property list cannot hold an object of type {found}")))
    }
}

/// Seconds since the start of 2001. A `datetime` without a time zone is taken for UTC, as plistlib takes it.
fn seconds(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let py = value.py();
    let mut value = value.clone();
    if let Some(offset) = value.call_method0(intern!(py, "utcoffset"))?.extract::<Option<Bound<'_, PyAny>>>()? {
        let keywords = PyDict::new(py);
        keywords.set_item(intern!(py, "tzinfo"), py.None())?;
        value = value.call_method(intern!(py, "replace"), (), Some(&keywords))?.sub(offset)?;
    }
    value.sub(epoch(py)?.0)?.call_method0(intern!(py, "total_seconds"))?.extract()
}
