//! The pointers of a cache, one by one.

use atlas_core::address::PreferredAddress;
use atlas_core::cache::slide::Pointer as Core;
use pyo3::prelude::*;

use super::pointers;
use crate::addresses;

/// A pointer in a shared cache, as the slide information describes it.
#[pyclass(frozen, eq, hash, weakref, module = "dyld_atlas")]
#[derive(PartialEq, Eq, Hash)]
pub struct Pointer(Core);

impl From<Core> for Pointer {
    fn from(core: Core) -> Self {
        Self(core)
    }
}

impl Pointer {
    /// The pointer of the core.
    pub fn core(&self) -> &Core {
        &self.0
    }
}

#[pymethods]
impl Pointer {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("address", "target", "key")
    }

    /// Where the pointer lies, unslid.
    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, PreferredAddress(self.0.address))
    }

    /// What it points to, unslid, with what the pointer carries in its highest byte.
    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        addresses::preferred(py, PreferredAddress(self.0.target))
    }

    /// The key of its authentication code, IA, IB, DA or DB; None for a plain pointer.
    #[getter]
    fn key(&self) -> Option<&'static str> {
        self.0.authentication.and_then(|found| pointers::KEYS.get(usize::from(pointers::number(found.key))).copied())
    }

    /// The 16 bits that are mixed into the code; 0 for a plain pointer.
    #[getter]
    fn diversity(&self) -> u16 {
        self.0.authentication.map_or(0, |found| found.diversity)
    }

    /// Whether its own address is mixed in, too.
    #[getter]
    fn address_diversity(&self) -> bool {
        self.0.authentication.is_some_and(|found| found.address_diversity)
    }

    fn __repr__(&self) -> String {
        let signed = self.key().map_or_else(String::new, |key| {
            let address = if self.address_diversity() { " address_diversity" } else { "" };
            format!(" key={key} diversity={:#06x}{address}", self.diversity())
        });
        format!("<Pointer address={:#x} target={:#x}{signed}>", self.0.address, self.0.target)
    }
}

part!(Pointer, "a Pointer, which is a part of its cache: open the SharedCache again");
