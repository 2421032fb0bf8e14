//! Property lists as Python objects, as `plistlib.loads` gives them.

use atlas_core::bplist::{Build, Integer, Made, Plist, Text, build};
use atlas_core::error::{Error, ErrorKind, Mismatch};
use pyo3::IntoPyObjectExt;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyList, PyString};

use crate::errors::{OrRaise, exception};
use crate::options::Limits;
use crate::{buffers, text};

/// Reads a binary property list: the same objects as plistlib.loads gives.
///
/// Of a repeated key the first value counts. Text that is no text survives: stray bytes of a string that is marked as ASCII
/// become lone surrogates (surrogateescape), lone surrogates of UTF-16 stay. Sets become lists. Raises PlistError,
/// LimitExceededError.
#[pyfunction]
#[pyo3(signature = (data, /, *, limits = None))]
pub fn plist_loads<'py>(data: &Bound<'py, PyAny>, limits: Option<&Bound<'py, Limits>>) -> PyResult<Bound<'py, PyAny>> {
    let py = data.py();
    let plist = Plist::parse(buffers::bytes(data)?).or_raise(py)?;
    let mut builder = Builder::new(py, false);
    build(plist.view(), &Limits::or_default(limits), &mut builder).map_err(|failure| failure.raise(py))
}

/// What can go wrong.
pub enum Failure {
    /// The list is bad.
    List(Error),
    /// Python cannot make the object.
    Python(PyErr),
}

impl Failure {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::List(error) => exception(py, &error),
            Self::Python(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::List(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<std::convert::Infallible> for Failure {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// Makes Python objects.
pub struct Builder<'py> {
    py: Python<'py>,
    plain: bool,
}

impl<'py> Builder<'py> {
    /// `plain`: values that JSON can hold.
    pub const fn new(py: Python<'py>, plain: bool) -> Self {
        Self { py, plain }
    }
}

impl<'py> Build for Builder<'py> {
    type Value = Bound<'py, PyAny>;
    type Error = Failure;

    fn null(&mut self) -> Made<Self> {
        Ok(self.py.None().into_bound(self.py))
    }

    fn boolean(&mut self, value: bool) -> Made<Self> {
        Ok(PyBool::new(self.py, value).to_owned().into_any())
    }

    fn integer(&mut self, value: Integer) -> Made<Self> {
        Ok(match (i64::try_from(value.0), u64::try_from(value.0)) {
            (Ok(value), _) => value.into_bound_py_any(self.py)?,
            (_, Ok(value)) => value.into_bound_py_any(self.py)?,
            _ => value.0.into_bound_py_any(self.py)?,
        })
    }

    fn real(&mut self, value: f64) -> Made<Self> {
        Ok(PyFloat::new(self.py, value).into_any())
    }

    fn date(&mut self, seconds: f64) -> Made<Self> {
        if self.plain {
            let text = date(self.py, seconds).and_then(|date| date.call_method0(intern!(self.py, "isoformat")));
            return Ok(text.unwrap_or_else(|_| PyFloat::new(self.py, seconds).into_any()));
        }
        date(self.py, seconds).map_err(|_| {
            impossible("a date between the years 1 and 9999".into(), format!("{seconds} seconds after 2001").into())
        })
    }

    fn data(&mut self, data: &[u8]) -> Made<Self> {
        if self.plain {
            let text: String = data.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hexadecimal).collect();
            return Ok(PyString::new(self.py, &text).into_any());
        }
        Ok(PyBytes::new(self.py, data).into_any())
    }

    fn text(&mut self, text: Text<'_>) -> Made<Self> {
        Ok(text::text(self.py, text)?.into_any())
    }

    fn uid(&mut self, value: u128) -> Made<Self> {
        let Ok(value) = u64::try_from(value) else {
            return Err(impossible("a uid below 2^64".into(), value.to_string().into()));
        };
        if self.plain {
            return Ok(value.into_bound_py_any(self.py)?);
        }
        static UID: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        Ok(UID.import(self.py, "plistlib", "UID")?.call1((value,))?)
    }

    fn place(error: Failure, position: usize) -> Failure {
        match error {
            Failure::List(error) => Failure::List(error.at_offset(position)),
            other => other,
        }
    }

    fn array(&mut self, items: &[Self::Value]) -> Made<Self> {
        Ok(PyList::new(self.py, items)?.into_any())
    }

    fn dictionary(&mut self, keys: &[Self::Value], values: &[Self::Value]) -> Made<Self> {
        let dictionary = PyDict::new(self.py);
        for (key, value) in keys.iter().zip(values) {
            dictionary.set_item(key, value)?;
        }
        // Repeated keys are rare and make the dictionary shorter. Then once more, so that the first value stays.
        if dictionary.len() < keys.len() {
            dictionary.clear();
            for (key, value) in keys.iter().zip(values) {
                if !dictionary.contains(key)? {
                    dictionary.set_item(key, value)?;
                }
            }
        }
        Ok(dictionary.into_any())
    }
}

fn hexadecimal(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or_default()
}

fn impossible(expected: std::borrow::Cow<'static, str>, found: std::borrow::Cow<'static, str>) -> Failure {
    Failure::List(Error::new(ErrorKind::Plist(Mismatch { expected, found })))
}

/// The start of 2001, from which property lists count, as a `datetime` without a time zone, and the class of durations.
pub(super) fn epoch(py: Python<'_>) -> PyResult<(&Bound<'_, PyAny>, &Bound<'_, PyAny>)> {
    static EPOCH: PyOnceLock<(Py<PyAny>, Py<PyAny>)> = PyOnceLock::new();
    let (epoch, duration) = EPOCH.get_or_try_init(py, || {
        let module = py.import("datetime")?;
        let epoch = module.getattr("datetime")?.call1((2001, 1, 1))?;
        Ok::<_, PyErr>((epoch.unbind(), module.getattr("timedelta")?.unbind()))
    })?;
    Ok((epoch.bind(py), duration.bind(py)))
}

fn date(py: Python<'_>, seconds: f64) -> PyResult<Bound<'_, PyAny>> {
    let (epoch, duration) = epoch(py)?;
    let keywords = PyDict::new(py);
    keywords.set_item(intern!(py, "seconds"), seconds)?;
    epoch.add(duration.call((), Some(&keywords))?)
}
