//! What reading one record may cost.
//!
//! References may be shared: a megabyte can name the same list of segments a hundred thousand times, and a reader that
//! follows them one by one works, and fills columns, for the square of the input. In a record that dyld wrote nothing
//! is visited twice but short strings; so the work is bounded by a small multiple of the input.
//!
//! A unit is about a byte that somebody makes of what is visited: a row of a column, a byte of text. So the memory for
//! the rows of a record stays near four times its input, too.

use crate::error::{Error, Result};

/// Units for a key that is looked at: it makes nothing, but takes as long as a few bytes that are made.
pub(super) const KEY: usize = 16;
/// Units for an image and what the lists keep of it, beside its keys and names.
pub(super) const IMAGE: usize = 96;
/// Units for a segment and what the lists keep of it, beside its keys and name.
pub(super) const SEGMENT: usize = 64;
/// Units for a translated image, a metric, a file of a cache, a mapping.
pub(super) const ROW: usize = 64;

/// Work that is left.
#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    left: u64,
}

impl Budget {
    /// For a property list of `length` bytes. What a small record may cost is nothing to worry about, so that there is
    /// room for whatever an encoder shares.
    pub(super) const fn new(length: usize) -> Self {
        let total = (16_u64 << 20).saturating_add((length as u64).saturating_mul(4));
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
        let requested = self.total.saturating_sub(self.left).saturating_add(units as u64);
        Error::limit("visits of shared objects in a property list", self.total, requested)
    }
}
