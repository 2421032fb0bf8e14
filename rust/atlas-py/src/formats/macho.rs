//! Mach-O files: what their headers and load commands say.

use atlas_core::bytes::{Bytes, Mode};
use atlas_core::macho::{Name, Slice, slices};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};

use crate::errors::OrRaise;
use crate::options::LocalPath;
use crate::{buffers, text, uuids};

/// A Mach-O file, thin or universal. Only headers and load commands are read.
#[pyclass(frozen, weakref, module = "dyld_atlas.formats")]
pub struct MachO {
    slices: Py<PyTuple>,
}

impl MachO {
    fn new(py: Python<'_>, slices: Vec<Slice>) -> PyResult<Self> {
        let slices: Vec<_> =
            slices.into_iter().map(|slice| Bound::new(py, MachOSlice(slice))).collect::<PyResult<_>>()?;
        Ok(Self { slices: PyTuple::new(py, slices)?.unbind() })
    }
}

#[pymethods]
impl MachO {
    /// Reads a whole file. Raises MachOError.
    #[classmethod]
    #[pyo3(signature = (data, /))]
    fn from_bytes(_class: &Bound<'_, PyType>, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = data.py();
        // Headers are small whatever the size of the file: releasing the interpreter would cost more than reading them.
        Self::new(py, slices(&buffers::bytes(data)?).or_raise(py)?)
    }

    /// Reads the file at a path. Raises MachOError, OSError.
    #[classmethod]
    #[pyo3(signature = (path, /))]
    fn open(class: &Bound<'_, PyType>, path: LocalPath) -> PyResult<Self> {
        let (py, path) = (class.py(), path.0);
        let found = py.detach(|| slices(&Bytes::open(&path, Mode::Map)?));
        Self::new(py, found.or_raise(py)?)
    }

    /// One slice per processor; of a thin file the one that it is.
    #[getter]
    fn slices<'py>(&self, py: Python<'py>) -> Bound<'py, PyTuple> {
        self.slices.bind(py).clone()
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let slices = self.slices.bind(py).iter();
        let names = slices.filter_map(|slice| Some(slice.cast::<MachOSlice>().ok()?.get().0.architecture.to_string()));
        format!("<MachO {}>", names.collect::<Vec<_>>().join(" "))
    }
}

/// One Mach-O: the whole file, or its part for one processor.
#[pyclass(frozen, weakref, module = "dyld_atlas.formats")]
pub struct MachOSlice(Slice);

#[pymethods]
impl MachOSlice {
    /// From LC_UUID.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.uuid.map(|uuid| uuids::new(py, uuid)).transpose()
    }

    /// The processor, as dyld names it: arm64, arm64e, x86_64, ...
    #[getter]
    fn architecture(&self) -> &str {
        &self.0.architecture
    }

    /// MH_*: 2 executable, 6 library, 7 dylinker, 8 bundle, ...
    #[getter]
    fn file_type(&self) -> u32 {
        self.0.file_type
    }

    /// Where the slice begins in the file, in bytes.
    #[getter]
    fn offset(&self) -> u64 {
        self.0.offset
    }

    /// In bytes; of a thin file, the whole file.
    #[getter]
    fn size(&self) -> u64 {
        self.0.size
    }

    /// Of a library, its LC_ID_DYLIB; of dyld itself, its LC_ID_DYLINKER.
    #[getter]
    fn install_name(&self) -> Option<&str> {
        self.0.install_name.as_deref()
    }

    /// Each as (name, vmaddr, vmsize, fileoff, filesize, initprot), in the order of the load commands.
    #[getter]
    fn segments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mut segments = Vec::with_capacity(self.0.segments.len());
        for segment in &self.0.segments {
            let (name, address) = (name(py, &segment.name)?, segment.preferred_load_address.0);
            let (size, offset) = (segment.vm_size, segment.file_offset);
            segments.push((name, address, size, offset, segment.file_size, segment.initial_protection));
        }
        PyTuple::new(py, segments)
    }

    /// Each as (segment, name, address, size, offset), segment by segment.
    #[getter]
    fn sections<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mut sections = Vec::with_capacity(self.0.sections.len());
        for section in &self.0.sections {
            let (segment, own) = (name(py, &section.segment_name)?, name(py, &section.name)?);
            sections.push((segment, own, section.address.0, section.size, section.file_offset));
        }
        PyTuple::new(py, sections)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Slice { architecture, file_type, segments, .. } = &self.0;
        let uuid = self.0.uuid.map_or_else(String::new, |uuid| format!(" uuid={uuid}"));
        let install_name = match self.install_name() {
            Some(name) => format!(" {}", text::shown(&PyString::new(py, name))?),
            None => String::new(),
        };
        let segments = segments.len();
        Ok(format!("<MachOSlice{install_name} {architecture} file_type={file_type}{uuid} segments={segments}>"))
    }
}

fn name<'py>(py: Python<'py>, name: &Name) -> PyResult<Bound<'py, PyString>> {
    match std::str::from_utf8(name.as_bytes()) {
        Ok(name) => Ok(text::segment_name(py, name)),
        Err(_) => text::utf8(py, name.as_bytes()),
    }
}

part!(MachO, "a MachO: pickle its path, or its bytes");
part!(MachOSlice, "a MachOSlice, which is a part of its file: pickle the path of that, or its bytes");
