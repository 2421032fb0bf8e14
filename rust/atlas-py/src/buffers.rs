//! Memory across the border, both ways; the only file of this crate with `unsafe`.
//!
//! In: what Python calls a buffer becomes [`Bytes`], or numbers that are read while the interpreter runs on. Memory
//! that Python could change is copied, or read one number at a time. Out: memory of the core as a read-only buffer, not
//! copied, and `bytes` that are written where they lie.

use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use atlas_core::bytes::Bytes;
use pyo3::IntoPyObjectExt;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyMemoryError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::errors::OrRaise;
use crate::sequences::{Items, LazyIterator, Window};
use crate::{detach, sequences};

/// Everything that supports the buffer protocol, as bytes that nobody can change.
///
/// A `bytes` object, what this crate exports, and contiguous memoryviews of either are used in place; everything else
/// is copied, because it could change under us.
///
/// # Errors
/// `TypeError` for what is no buffer.
pub fn bytes(object: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Some(bytes) = immutable(object) {
        return Ok(bytes);
    }
    let view = PyMemoryView::from(object)?;
    if let Some(bytes) = part_of_immutable(&view)? {
        return Ok(bytes);
    }
    // Copies in C order, whatever the shape and the strides are.
    let copy = view.call_method0(intern!(object.py(), "tobytes"))?.cast_into::<PyBytes>()?;
    Ok(Bytes::from_owner(PyBackedBytes::from(copy)))
}

/// Subclasses of `bytes` are left to the buffer protocol, which they may override since Python 3.12.
fn immutable(object: &Bound<'_, PyAny>) -> Option<Bytes> {
    if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        return Some(Bytes::from_owner(PyBackedBytes::from(bytes.clone())));
    }
    let column = object.cast_exact::<ColumnBuffer>().ok()?;
    match column.get().cells() {
        Cells::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

fn part_of_immutable(view: &Bound<'_, PyMemoryView>) -> PyResult<Option<Bytes>> {
    let Some(whole) = immutable(&view.getattr(intern!(view.py(), "obj"))?) else {
        return Ok(None);
    };
    // PyO3 opens no buffer without dimensions, such as that of a single number; that is copied.
    let Some(buffer) = PyUntypedBuffer::get(view).ok().filter(PyUntypedBuffer::is_c_contiguous) else {
        return Ok(None);
    };
    let start = (buffer.buf_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    Ok(start.checked_add(buffer.len_bytes()).and_then(|end| whole.slice(start..end)))
}

/// Bytes of the core as a read-only `memoryview` that keeps them alive.
pub fn memory_view<'py>(py: Python<'py>, bytes: Bytes) -> PyResult<Bound<'py, PyMemoryView>> {
    PyMemoryView::from(Bound::new(py, ColumnBuffer::new(bytes))?.as_any())
}

/// A new `bytes` object of `size` bytes that `fill` writes; where that takes its time, the interpreter runs on
/// meanwhile.
///
/// # Errors
/// `MemoryError`, and the exception of what `fill` says.
pub fn filled<'py>(
    py: Python<'py>,
    size: u64,
    fill: impl FnOnce(&mut [u8]) -> atlas_core::Result<()> + Send,
) -> PyResult<Bound<'py, PyBytes>> {
    let too_large = |_| PyMemoryError::new_err(format!("no memory for {size} bytes"));
    let length = ffi::Py_ssize_t::try_from(size).map_err(too_large)?;
    // SAFETY: asked for without contents, the interpreter makes a new object of that many bytes, or raises.
    let made = unsafe { ffi::PyBytes_FromStringAndSize(std::ptr::null(), length) };
    // SAFETY: that is a new reference, or null with an exception set.
    let made = unsafe { Bound::from_owned_ptr_or_err(py, made) }?.cast_into::<PyBytes>()?;
    // SAFETY: it is a `bytes` object.
    let start = unsafe { ffi::PyBytes_AsString(made.as_ptr()) };
    // SAFETY: the object has that many bytes there. It is new, and nobody knows of it before this function returns, so
    // that they are ours alone; `made` keeps them alive. Whether they hold anything yet does not matter to this type.
    let cells: &mut [MaybeUninit<u8>] = unsafe { std::slice::from_raw_parts_mut(start.cast(), length.cast_unsigned()) };
    let write = move || {
        cells.fill(MaybeUninit::new(0));
        // SAFETY: every cell holds a number now, and both types have the same layout.
        fill(unsafe { &mut *(std::ptr::from_mut(cells) as *mut [u8]) })
    };
    detach::where_large(py, length.cast_unsigned(), write).or_raise(py)?;
    Ok(made)
}

/// Whether `format` is one letter of `letters`, in the byte order of this machine.
fn is_native(format: &CStr, letters: &[u8]) -> bool {
    const SAME_ORDER: u8 = if cfg!(target_endian = "little") { b'<' } else { b'>' };
    match format.to_bytes() {
        [letter] | [b'@' | b'=' | SAME_ORDER, letter] => letters.contains(letter),
        _ => false,
    }
}

/// Opens a one-dimensional buffer of numbers, `size` bytes each.
fn numbers(object: &Bound<'_, PyAny>, letters: &[u8], size: usize, name: &str) -> PyResult<PyUntypedBuffer> {
    // A memoryview fills in what exporters may leave out, as ctypes does with the strides; PyO3 wants it all.
    let view = PyMemoryView::from(object)?;
    let dimensions: usize = view.getattr(intern!(object.py(), "ndim"))?.extract()?;
    if dimensions != 1 {
        return Err(PyValueError::new_err(format!("expected a buffer of one dimension, found one of {dimensions}")));
    }
    let buffer = PyUntypedBuffer::get(&view)?;
    if buffer.item_size() != size || !is_native(buffer.format(), letters) {
        let found = format!("format {:?}, {} bytes each", buffer.format(), buffer.item_size());
        return Err(PyTypeError::new_err(format!("expected a buffer of {name} numbers, found {found}")));
    }
    Ok(buffer)
}

/// A buffer of unsigned 64-bit numbers that Python handed in. It can be read without the interpreter.
pub enum Addresses {
    /// In place: contiguous and aligned.
    Shared(PyUntypedBuffer),
    /// Copied.
    Copied(Vec<u64>),
}

impl Addresses {
    /// Opens the buffer.
    ///
    /// # Errors
    /// `TypeError` for what is no buffer of such numbers, `ValueError` for one of several dimensions.
    pub fn open(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = numbers(object, b"QLN", size_of::<u64>(), "uint64")?;
        if buffer.is_c_contiguous() && buffer.buf_ptr().cast::<u64>().is_aligned() {
            return Ok(Self::Shared(buffer));
        }
        let copy = PyMemoryView::from(object)?.call_method0(intern!(object.py(), "tobytes"))?;
        let copy = copy.cast::<PyBytes>()?.as_bytes().chunks_exact(size_of::<u64>());
        Ok(Self::Copied(copy.filter_map(|bytes| bytes.try_into().ok().map(u64::from_ne_bytes)).collect()))
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Shared(buffer) => buffer.len_bytes() / size_of::<u64>(),
            Self::Copied(numbers) => numbers.len(),
        }
    }

    /// Copies numbers from `start` on into `to` and says how many: fewer than `to` holds only at the end.
    ///
    /// Another thread may change the buffer meanwhile. Then it is open which numbers are read, and nothing else.
    pub fn read(&self, start: usize, to: &mut [u64]) -> usize {
        let count = to.len().min(self.len().saturating_sub(start));
        match self {
            Self::Shared(buffer) => {
                if count == 0 {
                    return 0;
                }
                let items = buffer.buf_ptr().cast::<u64>();
                // SAFETY: `start` is below the number of items of the buffer, for there are `count` from there on;
                // `buffer` keeps it exported, so the pointer stays inside its memory.
                let items = unsafe { items.add(start) };
                for (index, to) in to.iter_mut().enumerate().take(count) {
                    // SAFETY: `index` is below `count`, the number of items from `items` on. `open` checked that they
                    // are aligned for u64, and the memory is valid while exported. Others may write to it: word by
                    // word, which a relaxed load of a word cannot tear. Of memory that is read-only, relaxed loads of a
                    // word are allowed (`std::sync::atomic`, "Atomic accesses to read-only memory").
                    *to = unsafe { AtomicU64::from_ptr(items.wrapping_add(index)) }.load(Ordering::Relaxed);
                }
            }
            Self::Copied(numbers) => {
                for (to, number) in to.iter_mut().zip(numbers.iter().skip(start)) {
                    *to = *number;
                }
            }
        }
        count
    }
}

/// A writable buffer of signed 32-bit numbers that Python handed in. It can be filled without the interpreter.
pub struct Indices(PyUntypedBuffer);

impl Indices {
    /// Opens the buffer, which must hold `len` numbers.
    ///
    /// # Errors
    /// `TypeError` for what is no buffer of such numbers, `BufferError` for one that is read-only, has holes or is not
    /// aligned, `ValueError` for one of another length or of several dimensions.
    pub fn open(object: &Bound<'_, PyAny>, len: usize) -> PyResult<Self> {
        let buffer = numbers(object, if size_of::<std::ffi::c_long>() == 4 { b"il" } else { b"i" }, 4, "int32")?;
        if buffer.readonly() {
            return Err(PyBufferError::new_err("the buffer for the result is read-only"));
        }
        // No number is ever written to an empty buffer, which may lie anywhere.
        let aligned = buffer.len_bytes() == 0 || buffer.buf_ptr().cast::<i32>().is_aligned();
        if !buffer.is_c_contiguous() || !aligned {
            return Err(PyBufferError::new_err("the buffer for the result must be contiguous and aligned"));
        }
        let room = buffer.len_bytes() / size_of::<i32>();
        if room != len {
            return Err(PyValueError::new_err(format!("the buffer for the result has room for {room}, not for {len}")));
        }
        Ok(Self(buffer))
    }

    /// Writes `from` at `start`; what is past the end is left out.
    pub fn write(&self, start: usize, from: &[i32]) {
        let count = from.len().min((self.0.len_bytes() / size_of::<i32>()).saturating_sub(start));
        if count == 0 {
            return;
        }
        let items = self.0.buf_ptr().cast::<i32>();
        // SAFETY: `start` is below the number of items of the buffer, which `self` keeps exported.
        let items = unsafe { items.add(start) };
        for (index, number) in from.iter().enumerate().take(count) {
            // SAFETY: `index` is below `count`, the number of items from `items` on; aligned and writable, as `open`
            // checked. Others may read or write them meanwhile, word by word, which is why this is no plain store.
            unsafe { AtomicI32::from_ptr(items.wrapping_add(index)) }.store(*number, Ordering::Relaxed);
        }
    }
}

/// Memory of the core that is exported.
pub enum Cells<'a> {
    /// Bytes of an input.
    Bytes(&'a Bytes),
    /// `uint8`.
    U8(&'a [u8]),
    /// `uint16`.
    U16(&'a [u16]),
    /// `uint64`.
    U64(&'a [u64]),
    /// `int32`.
    I32(&'a [i32]),
    /// `uint8`, 16 in a row.
    Rows(&'a [[u8; 16]]),
}

impl Cells<'_> {
    fn parts(&self) -> (*const u8, usize, usize, &'static CStr) {
        match self {
            Self::Bytes(bytes) => (bytes.as_ptr(), bytes.len(), 1, c"B"),
            Self::U8(cells) => (cells.as_ptr(), cells.len(), 1, c"B"),
            Self::U16(cells) => (cells.as_ptr().cast(), cells.len(), size_of::<u16>(), c"H"),
            Self::U64(cells) => (cells.as_ptr().cast(), cells.len(), size_of::<u64>(), c"Q"),
            Self::I32(cells) => (cells.as_ptr().cast(), cells.len(), size_of::<i32>(), c"i"),
            Self::Rows(cells) => (cells.as_ptr().cast(), cells.len(), 1, c"B"),
        }
    }

    fn len(&self) -> usize {
        self.parts().1
    }
}

/// What owns the memory of a column. The memory must be the same at every call: it never moves and never changes.
pub trait Source: Send + Sync + 'static {
    /// Column `number`.
    fn cells(&self, number: usize) -> Cells<'_>;
}

impl Source for Bytes {
    fn cells(&self, _: usize) -> Cells<'_> {
        Cells::Bytes(self)
    }
}

impl Source for Vec<i32> {
    fn cells(&self, _: usize) -> Cells<'_> {
        Cells::I32(self)
    }
}

/// A read-only array: a buffer for numpy, memoryview and the like, which copy nothing, and a plain sequence for
/// everybody else.
#[pyclass(frozen, sequence, weakref, module = "dyld_atlas._native")]
pub struct ColumnBuffer {
    source: Arc<dyn Source>,
    number: usize,
    /// Shape and strides of two dimensions; exported views point here.
    layout: [ffi::Py_ssize_t; 4],
}

impl ColumnBuffer {
    /// The only column of `source`.
    pub fn new(source: impl Source) -> Self {
        Self::of(Arc::new(source), 0)
    }

    /// Column `number` of `source`.
    pub fn of(source: Arc<dyn Source>, number: usize) -> Self {
        let cells = source.cells(number);
        // A slice never has more bytes than isize holds.
        let count = cells.len().cast_signed();
        let item = cells.parts().2.cast_signed();
        let layout = if matches!(cells, Cells::Rows(_)) { [count, 16, 16, item] } else { [count, 1, item, item] };
        Self { source, number, layout }
    }

    /// The memory.
    pub fn cells(&self) -> Cells<'_> {
        self.source.cells(self.number)
    }
}

#[pymethods]
impl ColumnBuffer {
    /// Fills `view` for the kind of consumer that `flags` describe.
    ///
    /// # Safety
    /// Called by the interpreter only, with a `view` that is to be filled in.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let wants = |all: c_int| flags & all == all;
        let column = slf.get();
        let rows = matches!(column.cells(), Cells::Rows(_));
        if wants(ffi::PyBUF_WRITABLE) {
            return Err(PyBufferError::new_err("the memory is read-only"));
        }
        if rows && wants(ffi::PyBUF_F_CONTIGUOUS) {
            return Err(PyBufferError::new_err("the memory lies row by row, not column by column"));
        }
        let (pointer, count, item, format) = column.cells().parts();
        let shaped = wants(ffi::PyBUF_ND);
        let layout = column.layout.as_ptr().cast_mut();
        // SAFETY: the layout has four elements, and it lives as long as the object, which the view keeps alive.
        let strides = unsafe { layout.add(2) };
        let filled = ffi::Py_buffer {
            buf: pointer.cast_mut().cast(),
            obj: std::ptr::null_mut(),
            len: (count * item * if rows { 16 } else { 1 }).cast_signed(),
            itemsize: item.cast_signed(),
            readonly: 1,
            ndim: if rows && shaped { 2 } else { 1 },
            format: if wants(ffi::PyBUF_FORMAT) { format.as_ptr().cast_mut() } else { std::ptr::null_mut() },
            shape: if shaped { layout } else { std::ptr::null_mut() },
            strides: if wants(ffi::PyBUF_STRIDES) { strides } else { std::ptr::null_mut() },
            suboffsets: std::ptr::null_mut(),
            internal: std::ptr::null_mut(),
        };
        // The view owns a reference to this object, which owns the memory: it stays as long as there is a view. There
        // is nothing else to give back, hence no `__releasebuffer__`.
        let filled = ffi::Py_buffer { obj: slf.into_ptr(), ..filled };
        // SAFETY: the interpreter hands in a valid place for the view (the contract of `bf_getbuffer`).
        unsafe { view.write(filled) };
        Ok(())
    }

    fn __len__(&self) -> usize {
        self.cells().len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        self.item(py, sequences::position(index, self.cells().len())?)
    }

    fn __iter__(&self) -> LazyIterator {
        let whole = Window::whole(self.cells().len());
        LazyIterator::new(Arc::new(Self::of(Arc::clone(&self.source), self.number)), whole)
    }

    fn __repr__(&self) -> String {
        let kind = match self.cells() {
            Cells::Bytes(_) | Cells::U8(_) => "uint8",
            Cells::U16(_) => "uint16",
            Cells::U64(_) => "uint64",
            Cells::I32(_) => "int32",
            Cells::Rows(_) => "rows of 16 uint8",
        };
        format!("<ColumnBuffer {} {kind}>", self.cells().len())
    }
}

impl Items for ColumnBuffer {
    fn len(&self) -> usize {
        self.cells().len()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        // The index is in range, so the fallbacks are never seen.
        match self.cells() {
            Cells::Bytes(cells) => cells.get(index).copied().unwrap_or_default().into_bound_py_any(py),
            Cells::U8(cells) => cells.get(index).copied().unwrap_or_default().into_bound_py_any(py),
            Cells::U16(cells) => cells.get(index).copied().unwrap_or_default().into_bound_py_any(py),
            Cells::U64(cells) => cells.get(index).copied().unwrap_or_default().into_bound_py_any(py),
            Cells::I32(cells) => cells.get(index).copied().unwrap_or_default().into_bound_py_any(py),
            Cells::Rows(cells) => Ok(PyBytes::new(py, &cells.get(index).copied().unwrap_or_default()).into_any()),
        }
    }
}
