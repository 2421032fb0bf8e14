//! `uuid.UUID` objects, without the checks and the parsing of `UUID.__init__`, and what is taken as one.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyType};
use uuid::Uuid;

/// The class, the member descriptors' setters of its two slots, and the value that `is_safe` has for a UUID of unknown
/// origin.
struct Class {
    class: Py<PyType>,
    new: Py<PyAny>,
    set_int: Py<PyAny>,
    set_is_safe: Py<PyAny>,
    unknown: Py<PyAny>,
}

fn class(py: Python<'_>) -> PyResult<&Class> {
    static CLASS: PyOnceLock<Class> = PyOnceLock::new();
    CLASS.get_or_try_init(py, || {
        let module = py.import("uuid")?;
        let class = module.getattr("UUID")?.cast_into::<PyType>()?;
        // Of `object`: `UUID.__setattr__` refuses, as a UUID is immutable once it is made.
        let setter = |slot: &str| -> PyResult<Py<PyAny>> { Ok(class.getattr(slot)?.getattr("__set__")?.unbind()) };
        Ok(Class {
            new: py.get_type::<PyAny>().getattr("__new__")?.unbind(),
            set_int: setter("int")?,
            set_is_safe: setter("is_safe")?,
            unknown: module.getattr("SafeUUID")?.getattr("unknown")?.unbind(),
            class: class.unbind(),
        })
    })
}

/// The `uuid.UUID` of `uuid`, equal in every way to what the constructor makes.
pub fn new<'py>(py: Python<'py>, uuid: Uuid) -> PyResult<Bound<'py, PyAny>> {
    let class = class(py)?;
    let object = class.new.bind(py).call1((&class.class,))?;
    class.set_int.bind(py).call1((&object, uuid.as_u128()))?;
    class.set_is_safe.bind(py).call1((&object, &class.unknown))?;
    Ok(object)
}

/// A UUID that a caller gave: a `uuid.UUID`, a string (with or without hyphens, braces, `urn:uuid:`), or 16 bytes.
///
/// # Errors
/// `TypeError` for any other type, `ValueError` for a string or bytes that are no UUID.
pub fn argument(object: &Bound<'_, PyAny>) -> PyResult<Uuid> {
    let py = object.py();
    if let Ok(text) = object.cast::<PyString>() {
        let text = text.to_cow()?;
        return Uuid::try_parse(&text).map_err(|_| PyValueError::new_err(format!("not a UUID: {text:?}")));
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Uuid::from_slice(bytes.as_bytes())
            .map_err(|_| PyValueError::new_err(format!("a UUID has 16 bytes, not {}", bytes.as_bytes().len())));
    }
    if object.is_instance(class(py)?.class.bind(py))? {
        return Ok(Uuid::from_u128(object.getattr(intern!(py, "int"))?.extract()?));
    }
    Err(PyTypeError::new_err(format!("a UUID must be a uuid.UUID, str or bytes, not {}", object.get_type().name()?)))
}
