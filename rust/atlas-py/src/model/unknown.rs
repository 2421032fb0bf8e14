//! The keys of a record that this version does not know, with their values.

use atlas_core::Error;
use atlas_core::bplist::{Object, Plist, Values, View};
use atlas_core::schema::UnknownKey;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::formats::plist_read::{Builder, Failure};

/// Values of keys that nobody knows, of one property list: as JSON can hold them where the builder is
/// [`Builder::plain`]. Data is hexadecimal text then, a date ISO 8601 text, a uid its number.
///
/// Nobody checked them when the list was opened. So what cannot be read stands as the text `<unreadable: …>` that says
/// why, and a key that is no string as its kind in angle brackets, as in `<integer 9>`.
pub struct Unknown<'a, 'py> {
    view: View<'a>,
    limits: &'a atlas_core::Limits,
    /// Until the first value is wanted; nearly always there is none.
    builder: Option<&'a mut Builder<'py>>,
    values: Option<Values<'a, 'a, Builder<'py>>>,
}

impl<'a, 'py> Unknown<'a, 'py> {
    /// Makes nothing yet.
    pub fn new(plist: &'a Plist, limits: &'a atlas_core::Limits, builder: &'a mut Builder<'py>) -> Self {
        Self { view: plist.view(), limits, builder: Some(builder), values: None }
    }

    /// The keys with their values; `None` where there are none. Of a repeated key the first value counts.
    ///
    /// # Errors
    /// None but those of an interpreter that is out of memory.
    pub fn dictionary(&mut self, py: Python<'py>, keys: &[UnknownKey]) -> PyResult<Option<Bound<'py, PyDict>>> {
        if keys.is_empty() {
            return Ok(None);
        }
        let dictionary = PyDict::new(py);
        for unknown in keys {
            let key = self.key(py, unknown.key)?;
            if !dictionary.contains(&key)? {
                dictionary.set_item(key, self.value(py, unknown.value)?)?;
            }
        }
        Ok(Some(dictionary))
    }

    /// Puts the keys into `record` as `unknown_keys`, where there are any.
    ///
    /// # Errors
    /// As [`Self::dictionary`].
    pub fn add_to(&mut self, record: &Bound<'py, PyDict>, keys: &[UnknownKey]) -> PyResult<()> {
        let py = record.py();
        let unknown = self.dictionary(py, keys)?;
        unknown.map_or(Ok(()), |unknown| record.set_item(intern!(py, "unknown_keys"), unknown))
    }

    fn key(&mut self, py: Python<'py>, reference: u32) -> PyResult<Bound<'py, PyAny>> {
        match self.view.object(reference) {
            Ok(Object::Integer(number)) => Ok(PyString::new(py, &format!("<integer {}>", number.0)).into_any()),
            Ok(object) if object.text().is_none() => Ok(PyString::new(py, &format!("<{}>", object.kind())).into_any()),
            _ => self.value(py, reference),
        }
    }

    fn value(&mut self, py: Python<'py>, reference: u32) -> PyResult<Bound<'py, PyAny>> {
        let unreadable = |error: &Error| PyString::new(py, &format!("<unreadable: {error}>")).into_any();
        if let Some(builder) = self.builder.take() {
            match Values::new(self.view, self.limits, builder) {
                Ok(values) => self.values = Some(values),
                Err(error) => return Ok(unreadable(&error)),
            }
        }
        let Some(values) = &mut self.values else {
            return Ok(PyString::new(py, "<unreadable: more objects than there are bytes for>").into_any());
        };
        match values.make(reference) {
            Ok(value) => Ok(value),
            Err(Failure::Python(error)) => Err(error),
            Err(Failure::List(error)) => {
                let text = unreadable(&error);
                values.stand_in(reference, text.clone());
                Ok(text)
            }
        }
    }
}
