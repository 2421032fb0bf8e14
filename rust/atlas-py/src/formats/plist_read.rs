//! Property lists as Python objects, as `plistlib.loads` gives them.

use atlas_core::bplist::{Build, Integer, Made, Plist, Text, build};
use atlas_core::error::{Error, ErrorKind, Mismatch};
use pyo3::IntoPyObjectExt;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyList};

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
    build(plist.view(), &Limits::or_default(limits), &mut Builder(py)).map_err(|failure| match failure {
        Failure::List(error) => exception(py, &error),
        Failure::Python(error) => error,
    })
}

/// What can go wrong: the list is bad, or Python cannot make the object.
enum Failure {
    List(Error),
    Python(PyErr),
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

struct Builder<'py>(Python<'py>);

impl<'py> Build for Builder<'py> {
    type Value = Bound<'py, PyAny>;
    type Error = Failure;

    fn null(&mut self) -> Made<Self> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn boolean(&mut self, value: bool) -> Made<Self> {
        Ok(PyBool::new(self.0, value).to_owned().into_any())
    }

    fn integer(&mut self, value: Integer) -> Made<Self> {
        Ok(match (i64::try_from(value.0), u64::try_from(value.0)) {
            (Ok(value), _) => value.into_bound_py_any(self.0)?,
            (_, Ok(value)) => value.into_bound_py_any(self.0)?,
            _ => value.0.into_bound_py_any(self.0)?,
        })
    }

    fn real(&mut self, value: f64) -> Made<Self> {
        Ok(PyFloat::new(self.0, value).into_any())
    }

    fn date(&mut self, seconds: f64) -> Made<Self> {
        date(self.0, seconds).map_err(|_| {
            impossible("a date between the years 1 and 9999".into(), format!("{seconds} seconds after 2001").into())
        })
    }

    fn data(&mut self, data: &[u8]) -> Made<Self> {
        Ok(PyBytes::new(self.0, data).into_any())
    }

    fn text(&mut self, text: Text<'_>) -> Made<Self> {
        Ok(match text {
            Text::Ascii(bytes) => text::utf8(self.0, bytes)?,
            Text::Utf16(bytes) => text::utf16(self.0, bytes)?,
        }
        .into_any())
    }

    fn uid(&mut self, value: u128) -> Made<Self> {
        let Ok(value) = u64::try_from(value) else {
            return Err(impossible("a uid below 2^64".into(), value.to_string().into()));
        };
        static UID: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        Ok(UID.import(self.0, "plistlib", "UID")?.call1((value,))?)
    }

    fn array(&mut self, items: &[Self::Value]) -> Made<Self> {
        Ok(PyList::new(self.0, items)?.into_any())
    }

    fn dictionary(&mut self, keys: &[Self::Value], values: &[Self::Value]) -> Made<Self> {
        let dictionary = PyDict::new(self.0);
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
