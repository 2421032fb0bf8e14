//! Lazy sequences: an item is made when it is asked for.
//!
//! One class, [`LazySequence`], serves every list that has no methods of its own, and the slices of those that have. What
//! such a class shares with it stands here as functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PySlice;

/// What a lazy sequence gives. Items are made again at each access unless the implementation keeps them.
pub trait Items: Send + Sync + 'static {
    /// How many there are; always the same.
    fn len(&self) -> usize;

    /// Item `index`, which is below [`Self::len`].
    ///
    /// # Errors
    /// Whatever making the object raises, such as `MemoryError`.
    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>>;
}

/// Where an index of Python, perhaps negative, points.
///
/// # Errors
/// `IndexError` outside of `len`.
#[inline]
pub fn position(index: isize, len: usize) -> PyResult<usize> {
    let position = if index < 0 { len.checked_add_signed(index) } else { Some(index.cast_unsigned()) };
    position.filter(|&position| position < len).ok_or_else(|| PyIndexError::new_err("index out of range"))
}

/// Which items of a list a sequence shows: `len` of them from `start` on, `step` apart.
#[derive(Clone, Copy)]
pub struct Window {
    start: usize,
    step: isize,
    len: usize,
}

impl Window {
    /// All `len` items.
    pub const fn whole(len: usize) -> Self {
        Self { start: 0, step: 1, len }
    }

    /// Where item `index` of the window, which is below its length, stands in the list.
    #[inline]
    fn place(&self, index: usize) -> usize {
        // In range by construction; wrapping, so that no input of any kind could end in a panic.
        self.start.wrapping_add_signed(index.cast_signed().wrapping_mul(self.step))
    }

    /// The window that `slice` cuts out of this one.
    fn cut(&self, slice: &Bound<'_, PySlice>) -> PyResult<Self> {
        let cut = slice.indices(self.len.cast_signed())?;
        let step = if cut.slicelength > 1 { self.step.wrapping_mul(cut.step) } else { 1 };
        Ok(Self { start: self.place(cut.start.cast_unsigned()), step, len: cut.slicelength })
    }
}

/// What `key`, an index or a slice, selects of `items` seen through `window`.
///
/// # Errors
/// `IndexError`, or `TypeError` for any other key.
#[inline]
pub fn select<'py>(
    key: &Bound<'py, PyAny>,
    window: &Window,
    item: impl FnOnce(usize) -> PyResult<Bound<'py, PyAny>>,
    items: impl FnOnce() -> Arc<dyn Items>,
) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(slice) = key.cast::<PySlice>() {
        let sequence = LazySequence { items: items(), window: window.cut(slice)? };
        return Ok(Bound::new(key.py(), sequence)?.into_any());
    }
    match key.extract::<isize>() {
        Ok(index) => item(window.place(position(index, window.len)?)),
        Err(error) if error.is_instance_of::<PyTypeError>(key.py()) => {
            let found = key.get_type().name()?;
            Err(PyTypeError::new_err(format!("indices must be integers or slices, not {found}")))
        }
        // An integer of more than 64 bits is past every end.
        Err(_) => Err(PyIndexError::new_err("index out of range")),
    }
}

/// A sequence whose items are made when they are asked for. Slices are such sequences too, and copy nothing.
#[pyclass(frozen, sequence, weakref, module = "dyld_atlas._native")]
pub struct LazySequence {
    items: Arc<dyn Items>,
    window: Window,
}

impl LazySequence {
    /// All of `items`.
    pub fn new<'py>(py: Python<'py>, items: Arc<dyn Items>) -> PyResult<Bound<'py, Self>> {
        let window = Window::whole(items.len());
        Bound::new(py, Self { items, window })
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        self.items.item(py, self.window.place(index))
    }
}

#[pymethods]
impl LazySequence {
    fn __len__(&self) -> usize {
        self.window.len
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        select(key, &self.window, |place| self.items.item(py, place), || Arc::clone(&self.items))
    }

    fn __iter__(&self) -> LazyIterator {
        LazyIterator::new(Arc::clone(&self.items), self.window)
    }

    fn __reversed__(&self) -> LazyIterator {
        LazyIterator::new(Arc::clone(&self.items), reversed(&self.window))
    }

    fn __contains__(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(find(value, 0..self.window.len, |index| self.item(py, index))?.is_some())
    }

    /// The first position of a value. Raises ValueError if it is not there.
    #[pyo3(signature = (value, start = 0, stop = isize::MAX, /), text_signature = "($self, value, start=0, stop=9223372036854775807, /)")]
    fn index(&self, py: Python<'_>, value: &Bound<'_, PyAny>, start: isize, stop: isize) -> PyResult<usize> {
        index_of(value, self.window.len, (start, stop), |index| self.item(py, index))
    }

    /// How often a value occurs.
    #[pyo3(signature = (value, /))]
    fn count(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<usize> {
        count(value, self.window.len, |index| self.item(py, index))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        repr(self.window.len, |index| self.item(py, index))
    }
}

/// The same window from its other end.
pub fn reversed(window: &Window) -> Window {
    let start = window.place(window.len.saturating_sub(1));
    Window { start, step: window.step.wrapping_neg(), len: window.len }
}

/// The first index in `range` whose item equals `value`.
///
/// # Errors
/// Whatever the comparison raises.
pub fn find<'py>(
    value: &Bound<'py, PyAny>,
    range: std::ops::Range<usize>,
    item: impl Fn(usize) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Option<usize>> {
    for index in range {
        let item = item(index)?;
        if item.is(value) || item.eq(value)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// `sequence.index(value, start, stop)`.
///
/// # Errors
/// `ValueError` where there is no such item.
pub fn index_of<'py>(
    value: &Bound<'py, PyAny>,
    len: usize,
    bounds: (isize, isize),
    item: impl Fn(usize) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<usize> {
    find(value, range(len, bounds), item)?.ok_or_else(not_there)
}

/// The positions that `start` and `stop` of `sequence.index` leave.
pub fn range(len: usize, (start, stop): (isize, isize)) -> std::ops::Range<usize> {
    let clamp = |bound: isize| match bound {
        0.. => bound.cast_unsigned().min(len),
        _ => len.saturating_add_signed(bound),
    };
    clamp(start)..clamp(stop)
}

/// What `sequence.index` raises.
pub fn not_there() -> PyErr {
    PyValueError::new_err("the value is not in the sequence")
}

/// `sequence.count(value)`.
///
/// # Errors
/// Whatever the comparison raises.
pub fn count<'py>(
    value: &Bound<'py, PyAny>,
    len: usize,
    item: impl Fn(usize) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<usize> {
    let mut count = 0;
    let mut from = 0;
    while let Some(found) = find(value, from..len, &item)? {
        count += 1;
        from = found + 1;
    }
    Ok(count)
}

/// The first items and how many there are.
///
/// # Errors
/// Whatever the items' own `repr` raises.
pub fn repr<'py>(len: usize, item: impl Fn(usize) -> PyResult<Bound<'py, PyAny>>) -> PyResult<String> {
    const SHOWN: usize = 5;
    let mut text = String::from("[");
    for index in 0..len.min(SHOWN) {
        if index > 0 {
            text += ", ";
        }
        text += &item(index)?.repr()?.to_string_lossy();
    }
    if len > SHOWN {
        text += &format!(", ... {len} in all");
    }
    Ok(text + "]")
}

/// Walks a lazy sequence. Threads may share one: each item then goes to one of them.
#[pyclass(frozen, module = "dyld_atlas._native")]
pub struct LazyIterator {
    items: Arc<dyn Items>,
    window: Window,
    next: AtomicUsize,
}

impl LazyIterator {
    /// From the first item that `window` shows.
    pub fn new(items: Arc<dyn Items>, window: Window) -> Self {
        Self { items, window, next: AtomicUsize::new(0) }
    }
}

#[pymethods]
impl LazyIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[inline]
    fn __next__<'py>(&self, py: Python<'py>) -> Option<PyResult<Bound<'py, PyAny>>> {
        let index = self.next.load(Ordering::Relaxed);
        // At the end the counter stays, so that no number of calls makes it wrap.
        if index >= self.window.len {
            return None;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.window.len).then(|| self.items.item(py, self.window.place(index)))
    }

    fn __length_hint__(&self) -> usize {
        self.window.len.saturating_sub(self.next.load(Ordering::Relaxed))
    }
}

part!(LazySequence, "what is made of its items when they are asked for: pickle a tuple of them");
