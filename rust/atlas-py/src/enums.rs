//! Members of the enumerations, which are Python (`dyld_atlas.enums`).

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// Numbers below this have a place of their own; all that have names do, but one that no file carries.
const COMMON: usize = 128;

/// A class of enumerations, and those of its members that were asked for.
pub struct Enumeration {
    name: &'static str,
    class: PyOnceLock<Py<PyType>>,
    members: [PyOnceLock<Py<PyAny>>; COMMON],
}

/// What a binary was built for.
pub static PLATFORM: Enumeration = Enumeration::new("Platform");
/// How far dyld had come.
pub static PROCESS_STATE: Enumeration = Enumeration::new("ProcessState");
/// What a mapping may be used for.
pub static PERMISSIONS: Enumeration = Enumeration::new("Permissions");
/// What a mapping of a cache holds.
pub static MAPPING_FLAGS: Enumeration = Enumeration::new("MappingFlags");
/// What became of an image.
pub static CHANGE_KIND: Enumeration = Enumeration::new("ChangeKind");
/// Facts about a whole process.
pub static SNAPSHOT_FLAGS: Enumeration = Enumeration::new("SnapshotFlags");

impl Enumeration {
    const fn new(name: &'static str) -> Self {
        Self { name, class: PyOnceLock::new(), members: [const { PyOnceLock::new() }; COMMON] }
    }

    /// The member whose value is the text `value`.
    pub fn named<'py>(&self, py: Python<'py>, value: &str) -> PyResult<Bound<'py, PyAny>> {
        self.class.import(py, "dyld_atlas.enums", self.name)?.call1((value,))
    }

    /// The member for `value`; the class makes one for a number without a name.
    pub fn member<'py>(&self, py: Python<'py>, value: u64) -> PyResult<Bound<'py, PyAny>> {
        let make = || self.class.import(py, "dyld_atlas.enums", self.name)?.call1((value,));
        match usize::try_from(value).ok().and_then(|value| self.members.get(value)) {
            Some(member) => Ok(member.get_or_try_init(py, || make().map(Bound::unbind))?.bind(py).clone()),
            None => make(),
        }
    }
}
