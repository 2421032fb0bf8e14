//! Strict or lenient: whether a fault stops the reader or is noted.

use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;

/// How a record is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Drop what is broken and say so, instead of failing.
    pub lenient: bool,
    /// Bounds; a breach fails in either case.
    pub limits: Limits,
}

/// The faults of a lenient reading, in words.
#[derive(Debug, Default)]
pub struct Report {
    lenient: bool,
    /// Whether optional keys of the wrong type are absent, and noted, in a strict reading, too.
    drops_optional: bool,
    entry: String,
    warnings: Vec<String>,
    more: usize,
}

impl Report {
    /// Warnings that are kept; the rest is counted. A broken record of a megabyte could else cost a hundred.
    const MOST: usize = 1000;

    /// For the record in archive entry `entry`.
    #[must_use]
    pub fn new(lenient: bool, entry: &str) -> Self {
        Self { lenient, entry: entry.to_owned(), ..Self::default() }
    }

    /// Whether faults are noted instead of raised.
    #[must_use]
    pub const fn lenient(&self) -> bool {
        self.lenient
    }

    /// Notes a fault, or fails with it. A breach of a limit always fails.
    ///
    /// # Errors
    /// The fault itself, with the archive entry added.
    #[cold]
    pub fn fault(&mut self, error: Error) -> Result<()> {
        let error = error.in_entry(&self.entry);
        self.fault_elsewhere(error)
    }

    /// From here on optional keys of the wrong type count as absent: dyld reads an atlas with them.
    pub(super) const fn drop_optional(&mut self) {
        self.drops_optional = true;
    }

    /// As [`Self::fault`], for the value of an optional key.
    ///
    /// # Errors
    /// As [`Self::fault`].
    #[cold]
    pub(super) fn fault_of_optional(&mut self, error: Error) -> Result<()> {
        if self.drops(&error) {
            self.note(&error.in_entry(&self.entry));
            return Ok(());
        }
        self.fault(error)
    }

    fn drops(&self, error: &Error) -> bool {
        self.drops_optional && matches!(error.kind(), ErrorKind::Schema { .. })
    }

    /// As [`Self::fault`], for a fault of something else than this record: the entry is not added.
    ///
    /// # Errors
    /// The fault itself.
    #[cold]
    pub fn fault_elsewhere(&mut self, error: Error) -> Result<()> {
        self.raise_or_note(error, ToString::to_string)
    }

    /// As [`Self::fault_elsewhere`], for a fault whose place means nothing without saying `what` it is a place of.
    ///
    /// # Errors
    /// The fault itself.
    #[cold]
    pub fn fault_of(&mut self, what: &str, error: Error) -> Result<()> {
        self.raise_or_note(error, |error| format!("{what}: {error}"))
    }

    fn raise_or_note(&mut self, error: Error, words: impl FnOnce(&Error) -> String) -> Result<()> {
        if matches!(error.kind(), ErrorKind::Limit { .. }) {
            return Err(error);
        }
        if !self.lenient {
            return Err(error.with_hint("lenient=True reads what is sound and lists the rest in warnings"));
        }
        self.note(&words(&error));
        Ok(())
    }

    /// Counts a fault that nobody will read about, since enough are kept; saves the making of its words.
    #[cold]
    pub(super) fn only_counts(&mut self, error: &Error) -> bool {
        self.counts(self.lenient && !matches!(error.kind(), ErrorKind::Limit { .. }))
    }

    /// The same for the value of an optional key.
    #[cold]
    pub(super) fn only_counts_optional(&mut self, error: &Error) -> bool {
        self.only_counts(error) || self.counts(!self.lenient && self.drops(error))
    }

    fn counts(&mut self, is_noted: bool) -> bool {
        let counts = is_noted && self.warnings.len() >= Self::MOST;
        self.more += usize::from(counts);
        counts
    }

    /// Notes something that is no fault of the record.
    #[cold]
    pub fn note(&mut self, warning: &(impl ToString + ?Sized)) {
        if self.warnings.len() < Self::MOST {
            self.warnings.push(warning.to_string());
        } else {
            self.more += 1;
        }
    }

    /// The warnings, the oldest first.
    #[must_use]
    pub fn into_warnings(mut self) -> Vec<String> {
        if self.more > 0 {
            self.warnings.push(format!("{}: {} more faults of these kinds", self.entry, self.more));
        }
        self.warnings
    }
}
