//! The Python module `dyld_atlas._native`: conversions, exceptions, sequences, buffers. No byte is decoded here.
//!
//! Every class is frozen and holds nothing but `Arc`s and cells that are written once, so that threads may share it; the
//! module therefore does not need the interpreter's lock, and says so (PyO3's default).
#![deny(unsafe_code)]
#![allow(dead_code, reason = "the classes of the model, which use the rest, are not here yet")]

mod addresses;
#[allow(unsafe_code)]
mod buffers;
mod detach;
mod errors;
mod formats;
mod options;
mod sequences;
mod text;
mod uuids;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::buffers::ColumnBuffer;
    #[pymodule_export]
    use crate::formats::archive::{Archive, ArchiveEntry};
    #[pymodule_export]
    use crate::formats::archive_writer::ArchiveWriter;
    #[pymodule_export]
    use crate::formats::macho::{MachO, MachOSlice};
    #[pymodule_export]
    use crate::formats::plist_read::plist_loads;
    #[pymodule_export]
    use crate::formats::plist_write::plist_dumps;
    #[pymodule_export]
    use crate::options::{FileIdentifier, Limits};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::sequences::register(module.py())
    }
}
