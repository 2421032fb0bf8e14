//! What reading one record may cost.
//!
//! References may be shared: a megabyte can name the same list of segments a hundred thousand times, and a reader that
//! follows them one by one works, and fills columns, for the square of the input. In a record that dyld wrote nothing is
//! visited twice but short strings; so the work is bounded by a small multiple of the input.

use crate::error::{Error, Result};

/// Work that is left: a unit for each dictionary, key, element and byte of text that is visited.
#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    left: u64,
}

impl Budget {
    /// For a property list of `length` bytes.
    pub(super) const fn new(length: usize) -> Self {
        let total = 0x1_0000 + 8 * length as u64;
        Self { total, left: total }
    }

    /// Takes `units`.
    #[inline(always)]
    pub(super) fn spend(&mut self, units: usize) -> Result<()> {
        match self.left.checked_sub(units as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.exhausted(units)),
        }
    }

    #[cold]
    fn exhausted(&self, units: usize) -> Error {
        let requested = (self.total - self.left).saturating_add(units as u64);
        Error::limit("visits of shared objects in a property list", self.total, requested)
    }
}
