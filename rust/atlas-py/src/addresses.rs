//! The three address classes, which are Python (`dyld_atlas.addresses`): subclasses of `int`, made here without their
//! constructors, because a number of the core needs no check.

use atlas_core::address::{PreferredAddress, RebasedAddress, Slide};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyType};

/// A class of addresses and, kept with it, `int.__new__`.
struct Classes {
    preferred: Py<PyType>,
    rebased: Py<PyType>,
    slide: Py<PyType>,
    new: Py<PyAny>,
}

fn classes(py: Python<'_>) -> PyResult<&Classes> {
    static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();
    CLASSES.get_or_try_init(py, || {
        let module = py.import("dyld_atlas.addresses")?;
        let class = |name: &str| -> PyResult<Py<PyType>> { Ok(module.getattr(name)?.cast_into()?.unbind()) };
        Ok(Classes {
            preferred: class("PreferredAddress")?,
            rebased: class("RebasedAddress")?,
            slide: class("Slide")?,
            new: py.get_type::<PyInt>().getattr("__new__")?.unbind(),
        })
    })
}

/// A `PreferredAddress` object.
pub fn preferred(py: Python<'_>, address: PreferredAddress) -> PyResult<Bound<'_, PyAny>> {
    let classes = classes(py)?;
    classes.new.bind(py).call1((&classes.preferred, address.0))
}

/// A `RebasedAddress` object.
pub fn rebased(py: Python<'_>, address: RebasedAddress) -> PyResult<Bound<'_, PyAny>> {
    let classes = classes(py)?;
    classes.new.bind(py).call1((&classes.rebased, address.0))
}

/// A `Slide` object: modulo 2^64, as the arithmetic of the class.
pub fn slide(py: Python<'_>, slide: Slide) -> PyResult<Bound<'_, PyAny>> {
    let classes = classes(py)?;
    classes.new.bind(py).call1((&classes.slide, slide.0))
}

/// The number of an argument that is a `RebasedAddress` or a plain integer.
///
/// # Errors
/// `TypeError` for an address of another class or what is no integer, `OverflowError` outside of 64 bits.
#[inline]
pub fn rebased_argument(object: &Bound<'_, PyAny>) -> PyResult<RebasedAddress> {
    let py = object.py();
    argument(object, |classes| (&classes.rebased, [&classes.preferred, &classes.slide]), py).map(RebasedAddress)
}

/// The number of an argument that is a `PreferredAddress` or a plain integer.
///
/// # Errors
/// As [`rebased_argument`].
#[inline]
pub fn preferred_argument(object: &Bound<'_, PyAny>) -> PyResult<PreferredAddress> {
    let py = object.py();
    argument(object, |classes| (&classes.preferred, [&classes.rebased, &classes.slide]), py).map(PreferredAddress)
}

/// How far something is moved: a `Slide` or a plain integer, modulo 2^64.
///
/// # Errors
/// `TypeError` for an address, or what is no integer.
pub fn slide_argument(object: &Bound<'_, PyAny>) -> PyResult<Slide> {
    let py = object.py();
    if let Ok(distance) = object.extract::<i64>()
        && distance < 0
    {
        return Ok(Slide(distance.cast_unsigned()));
    }
    match argument(object, |classes| (&classes.slide, [&classes.preferred, &classes.rebased]), py) {
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
            let modulo = object.call_method1(intern!(py, "__index__"), ())?.bitand(u64::MAX)?;
            modulo.extract().map(Slide)
        }
        found => found.map(Slide),
    }
}

/// A number of bytes.
///
/// # Errors
/// `TypeError` for what is no integer, `ValueError` for a negative one, `OverflowError` past 64 bits.
#[inline]
pub fn size_argument(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    match object.extract::<i64>() {
        Ok(size @ 0..) => Ok(size.cast_unsigned()),
        Ok(_) => Err(PyValueError::new_err("a size must not be negative")),
        Err(_) => object.extract(),
    }
}

#[inline]
fn argument(
    object: &Bound<'_, PyAny>,
    pick: impl Fn(&Classes) -> (&Py<PyType>, [&Py<PyType>; 2]),
    py: Python<'_>,
) -> PyResult<u64> {
    // The common cases first: they need no walk through base classes.
    if !object.is_exact_instance_of::<PyInt>() {
        let (right, wrong) = pick(classes(py)?);
        if !object.is_exact_instance(right.bind(py)) {
            for class in wrong {
                if object.is_instance(class.bind(py))? {
                    return Err(wrong_kind(right.bind(py), object));
                }
            }
        }
    }
    // Nearly all addresses are below 2^63, and those the interpreter reads several times as fast.
    match object.extract::<i64>() {
        Ok(address @ 0..) => Ok(address.cast_unsigned()),
        _ => object.extract(),
    }
}

#[cold]
fn wrong_kind(right: &Bound<'_, PyType>, object: &Bound<'_, PyAny>) -> PyErr {
    match (right.name(), object.get_type().name()) {
        (Ok(right), Ok(found)) => PyTypeError::new_err(format!("expected a {right} or a plain int, not a {found}")),
        (Err(error), _) | (_, Err(error)) => error,
    }
}
