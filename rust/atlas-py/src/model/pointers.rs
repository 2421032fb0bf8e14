//! All pointers of a cache, as a list and as arrays.

use std::sync::Arc;

use atlas_core::Error;
use atlas_core::cache::slide::{Authentication, Key, Pointer as Core};
use atlas_core::memory::Pointers as Found;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::pointer::Pointer;
use crate::buffers::{Cells, ColumnBuffer, Source};
use crate::sequences::{self, Items, LazyIterator, Window};

/// The keys in the order of their numbers.
pub const KEYS: [&str; 4] = ["IA", "IB", "DA", "DB"];

/// What stands for the key of a plain pointer.
const PLAIN: u8 = u8::MAX;

/// The number that Apple gives a key.
pub const fn number(key: Key) -> u8 {
    match key {
        Key::IA => 0,
        Key::IB => 1,
        Key::DA => 2,
        Key::DB => 3,
    }
}

/// Pointers as arrays, in the order in which they were found.
#[derive(Default)]
pub struct Pointers {
    address: Vec<u64>,
    target: Vec<u64>,
    diversity: Vec<u16>,
    key: Vec<u8>,
    address_diversity: Vec<u8>,
    warnings: Vec<String>,
    /// Bytes of each.
    size: u8,
}

impl Pointers {
    /// All that `found` yields; its errors become warnings where `lenient`.
    ///
    /// # Errors
    /// The first one, unless `lenient`.
    pub fn collect(found: Found, lenient: bool) -> atlas_core::Result<Self> {
        let mut pointers = Self::default();
        for pointer in found {
            match pointer {
                Ok(pointer) => pointers.push(&pointer),
                Err(error) if lenient => pointers.warn(&error),
                Err(error) => return Err(error),
            }
        }
        Ok(pointers)
    }

    #[inline]
    fn push(&mut self, pointer: &Core) {
        self.address.push(pointer.address);
        self.target.push(pointer.target);
        let signed = pointer.authentication;
        self.diversity.push(signed.map_or(0, |signed| signed.diversity));
        self.key.push(signed.map_or(PLAIN, |signed| number(signed.key)));
        self.address_diversity.push(signed.is_some_and(|signed| signed.address_diversity).into());
        self.size = pointer.size;
    }

    #[cold]
    fn warn(&mut self, error: &Error) {
        self.warnings.push(error.to_string());
    }

    fn get(&self, index: usize) -> Option<Core> {
        let key = match self.key.get(index)? {
            0 => Some(Key::IA),
            1 => Some(Key::IB),
            2 => Some(Key::DA),
            3 => Some(Key::DB),
            _ => None,
        };
        let diversity = *self.diversity.get(index)?;
        let address_diversity = *self.address_diversity.get(index)? != 0;
        let authentication = key.map(|key| Authentication { key, diversity, address_diversity });
        Some(Core {
            address: *self.address.get(index)?,
            target: *self.target.get(index)?,
            size: self.size,
            authentication,
        })
    }
}

impl Items for Pointers {
    fn len(&self) -> usize {
        self.address.len()
    }

    fn item<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let found = self.get(index).ok_or_else(super::images::out_of_range)?;
        Ok(Bound::new(py, Pointer::from(found))?.into_any())
    }
}

const ADDRESS: usize = 0;
const TARGET: usize = 1;
const KEY: usize = 2;
const DIVERSITY: usize = 3;
const ADDRESS_DIVERSITY: usize = 4;

impl Source for Pointers {
    fn cells(&self, number: usize) -> Cells<'_> {
        match number {
            ADDRESS => Cells::U64(&self.address),
            TARGET => Cells::U64(&self.target),
            KEY => Cells::U8(&self.key),
            DIVERSITY => Cells::U16(&self.diversity),
            _ => Cells::U8(&self.address_diversity),
        }
    }
}

/// The pointers of a cache, as a sequence in which nothing is made until it is asked for.
#[pyclass(frozen, sequence, weakref, module = "dyld_atlas")]
pub struct PointerList(Arc<Pointers>);

impl From<Pointers> for PointerList {
    fn from(pointers: Pointers) -> Self {
        Self(Arc::new(pointers))
    }
}

impl PointerList {
    fn items(&self) -> Arc<dyn Items> {
        Arc::<Pointers>::clone(&self.0)
    }

    fn count_of(&self) -> usize {
        self.0.address.len()
    }

    /// The positions of `value`, in order. The column tells nearly all others apart, at the speed of memory.
    fn positions(&self, value: &Bound<'_, PyAny>) -> Vec<usize> {
        let Ok(wanted) = value.cast::<Pointer>() else { return Vec::new() };
        let wanted = *wanted.get().core();
        let same = self.0.address.iter().enumerate().filter(|(_, address)| **address == wanted.address);
        same.map(|(index, _)| index).filter(|&index| self.0.get(index) == Some(wanted)).collect()
    }
}

#[pymethods]
impl PointerList {
    /// Which pages were left, and why; empty unless broken chains were to be passed over.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.warnings)
    }

    /// The whole list as arrays, without an object per pointer.
    fn columns(&self) -> PointerColumns {
        PointerColumns(Arc::clone(&self.0))
    }

    fn __len__(&self) -> usize {
        self.count_of()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        sequences::select(key, &Window::whole(self.count_of()), |place| self.0.item(py, place), || self.items())
    }

    fn __iter__(&self) -> LazyIterator {
        LazyIterator::new(self.items(), Window::whole(self.count_of()))
    }

    fn __reversed__(&self) -> LazyIterator {
        LazyIterator::new(self.items(), sequences::reversed(&Window::whole(self.count_of())))
    }

    fn __contains__(&self, value: &Bound<'_, PyAny>) -> bool {
        !self.positions(value).is_empty()
    }

    /// The first position of a pointer. Raises ValueError if it is not there.
    #[pyo3(signature = (value, start = 0, stop = isize::MAX, /), text_signature = "($self, value, start=0, stop=9223372036854775807, /)")]
    fn index(&self, value: &Bound<'_, PyAny>, start: isize, stop: isize) -> PyResult<usize> {
        let range = sequences::range(self.count_of(), (start, stop));
        self.positions(value).into_iter().find(|place| range.contains(place)).ok_or_else(sequences::not_there)
    }

    /// How often a pointer occurs.
    #[pyo3(signature = (value, /))]
    fn count(&self, value: &Bound<'_, PyAny>) -> usize {
        self.positions(value).len()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        sequences::repr(self.count_of(), |index| self.0.item(py, index))
    }
}

/// The pointers of a cache as arrays. Each is a read-only buffer, as in ImageColumns.
#[pyclass(frozen, weakref, module = "dyld_atlas")]
pub struct PointerColumns(Arc<Pointers>);

impl PointerColumns {
    fn column(&self, number: usize) -> ColumnBuffer {
        ColumnBuffer::of(Arc::<Pointers>::clone(&self.0), number)
    }
}

#[pymethods]
impl PointerColumns {
    /// Where each pointer lies, unslid: uint64.
    #[getter]
    fn address(&self) -> ColumnBuffer {
        self.column(ADDRESS)
    }

    /// What each points to, unslid: uint64.
    #[getter]
    fn target(&self) -> ColumnBuffer {
        self.column(TARGET)
    }

    /// uint8: 0 IA, 1 IB, 2 DA, 3 DB, as Apple numbers them; 255 for a plain pointer.
    #[getter]
    fn key(&self) -> ColumnBuffer {
        self.column(KEY)
    }

    /// uint16; 0 for a plain pointer.
    #[getter]
    fn diversity(&self) -> ColumnBuffer {
        self.column(DIVERSITY)
    }

    /// uint8: 1 where the pointer's own address is mixed in.
    #[getter]
    fn address_diversity(&self) -> ColumnBuffer {
        self.column(ADDRESS_DIVERSITY)
    }

    fn __len__(&self) -> usize {
        self.0.address.len()
    }

    fn __repr__(&self) -> String {
        format!("<PointerColumns of {} pointers>", self.0.address.len())
    }
}

part!(PointerList, "a PointerList, which is a part of its cache: pickle its columns");
part!(PointerColumns, "a PointerColumns, which is a part of its cache: pickle the columns");
