//! What all frozen classes have in common: a copy is the object itself, and what is a part of something says so.

/// Gives a class `__copy__` and `__deepcopy__`: nothing can change, so that one object serves as well as two.
macro_rules! itself {
    ($class:ident) => {
        #[pyo3::pymethods]
        impl $class {
            fn __copy__(slf: pyo3::Bound<'_, Self>) -> pyo3::Bound<'_, Self> {
                slf
            }

            #[pyo3(signature = (_memo, /))]
            fn __deepcopy__<'py>(
                slf: pyo3::Bound<'py, Self>,
                _memo: &pyo3::Bound<'py, pyo3::PyAny>,
            ) -> pyo3::Bound<'py, Self> {
                slf
            }
        }
    };
}

/// The same for a class that does not pickle, with what the error says behind "cannot pickle".
macro_rules! part {
    ($class:ident, $instead:literal) => {
        itself!($class);

        #[pyo3::pymethods]
        impl $class {
            fn __reduce__(&self) -> pyo3::PyResult<()> {
                Err(pyo3::exceptions::PyTypeError::new_err(concat!("cannot pickle ", $instead)))
            }
        }
    };
}
