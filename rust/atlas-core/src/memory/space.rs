//! Memory that lies in files: reading it, and handing it out without a copy where that is possible.

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind, Result};
use crate::sys::Reservation;

use super::files::{SourceFile, Wrong};

/// Most address space that one buffer may take, in bytes. The largest caches have about 10 GB, and `__PAGEZERO` has 4
/// GiB.
pub const MOST_ADDRESS_SPACE: u64 = 1 << 36;

/// Most bytes that are copied because they lie on no page of this machine, or because nothing can be mapped on it.
pub(super) const MOST_COPIED: u64 = 1 << 30;

/// Buffers that must be put together are copied up to this size: a mapping costs more, and systems bound their number.
pub(super) const SMALL: u64 = 64 << 10;

/// A run of memory from an address on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Which file.
    pub file: usize,
    /// Which mapping or segment of it.
    pub part: usize,
    /// Where in the file.
    pub file_offset: u64,
    /// Bytes that come from the file.
    pub in_file: u64,
    /// Bytes of the run; those past `in_file` are zero. Never 0.
    pub size: u64,
}

/// Memory by address.
pub(super) trait Spans {
    /// The kind of error that a broken file is.
    const WRONG: Wrong;

    /// What lies at `address`, up to where something else begins.
    fn at(&self, address: u64) -> Result<Span>;

    /// The file of a span.
    fn source(&self, file: usize) -> Result<&SourceFile>;

    /// Visits the runs that make up `size` bytes at `address`, each with its place among them. Where something is not
    /// mapped, the error names the first such address.
    #[inline]
    fn walk(&self, address: u64, size: u64, mut visit: impl FnMut(u64, Span) -> Result<()>) -> Result<()> {
        let mut at = 0_u64;
        while at < size {
            let next = address.checked_add(at).ok_or_else(|| Error::new(ErrorKind::UnmappedAddress(0)))?;
            let mut span = self.at(next)?;
            span.size = span.size.min(size - at);
            span.in_file = span.in_file.min(span.size);
            visit(at, span)?;
            at += span.size;
        }
        Ok(())
    }

    /// Refuses a range that is not mapped throughout, before anything is spent on it.
    fn check_range(&self, address: u64, size: u64) -> Result<()> {
        self.walk(address, size, |_, _| Ok(()))
    }

    /// Fills `window` with what lies at `address`; after an error it holds anything.
    fn fill(&self, address: u64, window: &mut [u8]) -> Result<()> {
        self.walk(address, window.len() as u64, |at, span| {
            let (from_file, zeros) = split(part_of(window, at, span.size), span.in_file);
            zeros.fill(0);
            if from_file.is_empty() {
                return Ok(());
            }
            self.source(span.file)?.read(span.file_offset, from_file, Self::WRONG)
        })
    }

    /// `size` bytes at `address`.
    fn copy_of(&self, address: u64, size: u64) -> Result<Vec<u8>> {
        self.check_range(address, size)?;
        let mut bytes = zeros(size)?;
        self.fill(address, &mut bytes)?;
        Ok(bytes)
    }

    /// `vm_size` bytes as they lie at `address`, of which all past `file_size` are zero, in memory of their own.
    fn lay_out(&self, address: u64, file_size: u64, vm_size: u64) -> Result<Bytes> {
        let file_size = file_size.min(vm_size);
        self.check_range(address, file_size)?;
        if vm_size <= SMALL {
            let mut bytes = zeros(vm_size)?;
            self.fill(address, split(&mut bytes, file_size).0)?;
            return Ok(bytes.into());
        }
        let mut reservation = reserve(vm_size)?;
        self.walk(address, file_size, |at, span| {
            self.source(span.file)?.place(&mut reservation, at, span.file_offset, span.in_file, Self::WRONG)
        })?;
        finish(reservation)
    }
}

/// The `size` bytes of `window` from `at` on, as far as it has them.
pub(super) fn part_of(window: &mut [u8], at: u64, size: u64) -> &mut [u8] {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    split(window.get_mut(at..).unwrap_or_default(), size).0
}

/// The first `size` bytes of `window`, as far as it has them, and the rest.
fn split(window: &mut [u8], size: u64) -> (&mut [u8], &mut [u8]) {
    let middle = usize::try_from(size).map_or(window.len(), |size| size.min(window.len()));
    window.split_at_mut(middle)
}

/// `size` zeros, or an error where there is no memory for so many.
pub(super) fn zeros(size: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = usize::try_from(size).ok().filter(|length| bytes.try_reserve_exact(*length).is_ok());
    bytes.resize(length.ok_or_else(|| Error::limit("bytes of memory", isize::MAX as u64, size))?, 0);
    Ok(bytes)
}

/// Address space for `size` bytes.
pub(super) fn reserve(size: u64) -> Result<Reservation> {
    let too_much = || Error::limit("bytes of address space", MOST_ADDRESS_SPACE, size);
    if size > MOST_ADDRESS_SPACE {
        return Err(too_much());
    }
    Reservation::new(size, MOST_COPIED).map_err(|_| too_much())
}

/// The finished bytes.
pub(super) fn finish(reservation: Reservation) -> Result<Bytes> {
    let size = reservation.len();
    let finished = reservation.finish().map_err(|_| Error::limit("bytes of address space", MOST_ADDRESS_SPACE, size));
    finished.map(Bytes::from_owner)
}
