//! dyld's path variables.

use atlas_core::schema::ProcessRecord;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMappingProxy, PyString};

use crate::text;

/// The one that has a property of its own.
const ROOT_PATH: &str = "DYLD_ROOT_PATH";

/// dyld's path variables at launch.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct Environment(Py<PyDict>);

impl Environment {
    /// The variables of a record; `None` where it has no environment.
    pub fn new<'py>(py: Python<'py>, record: &ProcessRecord) -> PyResult<Option<Bound<'py, Self>>> {
        let Some(found) = record.environment() else { return Ok(None) };
        let variables = PyDict::new(py);
        for (name, value) in found {
            variables.set_item(name, text::text(py, value)?)?;
        }
        Bound::new(py, Self(variables.unbind())).map(Some)
    }

    /// The variables by name. Nobody may change them.
    pub fn dictionary<'py>(&self, py: Python<'py>) -> &Bound<'py, PyDict> {
        self.0.bind(py)
    }
}

#[pymethods]
impl Environment {
    /// DYLD_ROOT_PATH: of a simulator, the folder of its system.
    #[getter]
    fn root_path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.bind(py).get_item(ROOT_PATH)
    }

    /// Every path variable that the record has, by its DYLD_ name.
    #[getter]
    fn variables<'py>(&self, py: Python<'py>) -> Bound<'py, PyMappingProxy> {
        PyMappingProxy::new(py, self.0.bind(py).as_mapping())
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<bool> {
        self.0.bind(py).eq(&other.get().0)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        // The order of the keys is that of the table of known variables, so equal ones have it in common.
        self.0.bind(py).items().to_tuple().hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = String::from("<Environment");
        for (name, value) in self.0.bind(py) {
            let name = name.cast_into::<PyString>()?;
            text += &format!(" {}={}", name.to_string_lossy(), value.repr()?.to_string_lossy());
        }
        Ok(text + ">")
    }
}

part!(Environment, "an Environment, which is a part of its snapshot: pickle the Snapshot");
