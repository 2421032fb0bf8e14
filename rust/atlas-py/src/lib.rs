//! The Python module `dyld_atlas._native`: conversions, exceptions, sequences, buffers. No byte is decoded here.
//!
//! Every class is frozen and holds nothing but `Arc`s and cells that are written once, so that threads may share it; the
//! module therefore does not need the interpreter's lock, and says so (PyO3's default).
#![deny(unsafe_code)]

#[macro_use]
mod parts;

mod addresses;
#[allow(unsafe_code)]
mod buffers;
mod detach;
mod enums;
mod errors;
mod formats;
mod kept;
mod model;
mod options;
mod process;
mod sequences;
mod text;
mod uuids;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;
    use pyo3::types::PySequence;

    #[pymodule_export]
    use crate::buffers::ColumnBuffer;
    #[pymodule_export]
    use crate::formats::aot_cache::AotCacheHeader;
    #[pymodule_export]
    use crate::formats::archive::{Archive, ArchiveEntry};
    #[pymodule_export]
    use crate::formats::archive_writer::ArchiveWriter;
    #[pymodule_export]
    use crate::formats::atlas::check_atlas_entry;
    #[pymodule_export]
    use crate::formats::macho::{MachO, MachOSlice};
    #[pymodule_export]
    use crate::formats::plist_read::plist_loads;
    #[pymodule_export]
    use crate::formats::plist_write::plist_dumps;
    #[pymodule_export]
    use crate::model::aot_image::AotImage;
    #[pymodule_export]
    use crate::model::cache_record::SharedCacheRecord;
    #[pymodule_export]
    use crate::model::cache_tables::{DynamicData, FunctionVariant};
    #[pymodule_export]
    use crate::model::columns::{ImageColumns, SegmentColumns};
    #[pymodule_export]
    use crate::model::diff::{SnapshotDiff, diff};
    #[pymodule_export]
    use crate::model::environment::Environment;
    #[pymodule_export]
    use crate::model::image::Image;
    #[pymodule_export]
    use crate::model::image_list::ImageList;
    #[pymodule_export]
    use crate::model::location::Location;
    #[pymodule_export]
    use crate::model::mapping::Mapping;
    #[pymodule_export]
    use crate::model::memory_map::MemoryRegion;
    #[pymodule_export]
    use crate::model::pointer::Pointer;
    #[pymodule_export]
    use crate::model::pointers::{PointerColumns, PointerList};
    #[pymodule_export]
    use crate::model::section::Section;
    #[pymodule_export]
    use crate::model::segment::Segment;
    #[pymodule_export]
    use crate::model::shared_cache::SharedCache;
    #[pymodule_export]
    use crate::model::snapshot::Snapshot;
    #[pymodule_export]
    use crate::model::subcache::SubCache;
    #[pymodule_export]
    use crate::options::{FileIdentifier, Limits};
    #[pymodule_export]
    use crate::process::calls::{Call, Calls};
    #[pymodule_export]
    use crate::process::change::Change;
    #[pymodule_export]
    use crate::process::changes::Changes;
    #[pymodule_export]
    use crate::process::task::Task;
    #[pymodule_export]
    use crate::process::watch::Watch;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // `collections.abc` is told which classes are sequences.
        let py = module.py();
        PySequence::register::<crate::sequences::LazySequence>(py)?;
        PySequence::register::<ImageList>(py)?;
        PySequence::register::<PointerList>(py)
    }
}
