//! The reader: opening walks all headers once; everything else waits until it is asked for.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use super::digest::{self, Checksum};
use super::entry::Entry;
use super::index::{self, PathIndex};
use super::record::{AA01, Record, YAA1};
use super::span::{Span, Spans};
use crate::bytes::Bytes;
use crate::compress::{self, Codec};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// An Apple Archive.
///
/// Opening checks every header and makes one list of offsets: no object per entry, no copy of a path. Checksums are
/// computed when first asked for, and once; a wrong one does not stop opening.
#[derive(Debug)]
pub struct Archive {
    stream: Bytes,
    codec: Option<Codec>,
    /// Where each record begins. What a header says is read again when it is needed: that takes tens of nanoseconds,
    /// and eight bytes per record is all that an archive of nothing but six-byte records can make us spend.
    records: Vec<usize>,
    /// Whether any record has a digest field, and whether any has extended attributes.
    digests: bool,
    attributes: bool,
    pub(super) paths: OnceLock<PathIndex>,
    spans: OnceLock<Vec<Span>>,
    /// Per entry: not computed yet, or a [`Checksum`]. Two threads may compute the same one; they find the same.
    sums: OnceLock<Box<[AtomicU8]>>,
}

/// The states of [`Archive::sums`]: 0 is not computed yet.
const SUM_NONE: u8 = 1;
const SUM_OK: u8 = 2;
const SUM_BAD: u8 = 3;

const LENIENT: &str = "the bytes are damaged or changed while they were read; open leniently to read them all the same";

impl Archive {
    /// Reads a record stream, bare or in one `pbz?` container.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Archive`] where the container or a header is malformed, or where bytes follow the last
    /// record; [`crate::ErrorKind::Limit`] where a container would decode to more than `limits` allow.
    pub fn from_bytes(bytes: Bytes, limits: &Limits) -> Result<Self> {
        if !compress::is_container(&bytes) {
            return Self::from_stream(bytes, None);
        }
        let decoded = compress::decode(&bytes, limits)?;
        Self::from_stream(Bytes::from(decoded.bytes), Some(decoded.codec))
    }

    /// Whether `bytes` begin as every archive does, bare or in a container.
    #[must_use]
    pub fn is_begun_by(bytes: &[u8]) -> bool {
        bytes.starts_with(&AA01) || bytes.starts_with(&YAA1) || compress::is_container(bytes)
    }

    fn from_stream(stream: Bytes, codec: Option<Codec>) -> Result<Self> {
        let data: &[u8] = &stream;
        let (mut records, mut digests, mut attributes) = (Vec::new(), false, false);
        let mut offset = 0;
        // The first round is unconditional: no bytes are no archive.
        while offset < data.len() || offset == 0 {
            let record = Record::read(data, offset)?;
            records.push(offset);
            digests |= record.digests;
            attributes |= record.attributes.is_some();
            // At least six bytes on.
            offset = record.end;
        }
        if u32::try_from(records.len()).is_err() {
            return Err(Error::limit("entries of an archive", u64::from(u32::MAX), records.len() as u64));
        }
        let (paths, spans, sums) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Ok(Self { stream, codec, records, digests, attributes, paths, spans, sums })
    }

    /// How the container was compressed; `None` for a bare record stream.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// The record stream.
    #[must_use]
    pub fn decoded(&self) -> &Bytes {
        &self.stream
    }

    pub(super) fn stream(&self) -> &[u8] {
        &self.stream
    }

    /// Entries, those without path or type included. At least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an archive is never empty")]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Every entry in the order of the stream.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> + DoubleEndedIterator {
        let stream = self.stream();
        self.records.iter().enumerate().map(move |(index, &offset)| self.entry_at(stream, index, offset))
    }

    /// The entry of this number.
    #[must_use]
    pub fn entry(&self, index: usize) -> Option<Entry<'_>> {
        self.records.get(index).map(|&offset| self.entry_at(self.stream(), index, offset))
    }

    fn entry_at<'a>(&'a self, stream: &'a [u8], index: usize, offset: usize) -> Entry<'a> {
        // Right when the archive was opened. A mapped file that was changed since shows an entry without fields.
        let changed = |_| Record { start: offset, header_end: offset, end: offset, ..Record::default() };
        Entry::new(self, index, Record::read(stream, offset).unwrap_or_else(changed))
    }

    /// The file that `path` leads to: both sides normalised lexically, the first entry of a path taken, links followed
    /// over at most 32 hops. `None` where there is none, where a link leads nowhere or in circles, or where the path
    /// leads above the root. Only an absolute path finds an absolute entry. The case of letters counts.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Entry<'_>> {
        self.find_bytes(path.as_bytes())
    }

    /// [`Self::find`] for a path that need not be text.
    #[must_use]
    pub fn find_bytes(&self, path: &[u8]) -> Option<Entry<'_>> {
        index::find(self, path).and_then(|index| self.entry(index))
    }

    /// The spans that CRC-32C stamps protect, front to back and without gaps from the first byte; bytes after the last
    /// belong to none. Checked when first asked for, once.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        if !self.attributes {
            return &[];
        }
        self.spans.get_or_init(|| {
            let (stream, mut spans) = (self.stream(), Spans::default());
            self.entries().for_each(|entry| spans.pass(stream, entry.index(), entry.record()));
            spans.into_vec()
        })
    }

    /// What all checksums together say: `Bad` if any span or entry is bad, else `Ok` if there is any checksum.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        let spans = self.spans().iter().map(Span::checksum).fold(Checksum::None, Checksum::and);
        if !self.digests || spans == Checksum::Bad {
            return spans;
        }
        self.entries().map(|entry| self.digest(&entry)).fold(spans, Checksum::and)
    }

    /// Checks every checksum that there is.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Archive`] for the first span that is bad, else for the first entry: which one, where the
    /// checksum stands, what it says and what the bytes give.
    pub fn verify(&self) -> Result<()> {
        for span in self.spans() {
            if let Some(error) = span.error() {
                return Err(self.blame(error, span.entries.end.saturating_sub(1)));
            }
        }
        if self.digests {
            for entry in self.entries().filter(|entry| self.digest(entry) == Checksum::Bad) {
                digest::check(self.stream(), entry.record()).map_err(|error| self.blame(error, entry.index()))?;
            }
        }
        Ok(())
    }

    #[cold]
    fn blame(&self, error: Error, index: usize) -> Error {
        let path = self.entry(index).map(|entry| entry.path_text()).unwrap_or_default();
        error.in_entry(&path).with_hint(LENIENT)
    }

    pub(super) fn entry_checksum(&self, entry: &Entry<'_>) -> Checksum {
        let spans = self.spans();
        let at = spans.partition_point(|span| span.entries.end <= entry.index());
        spans.get(at).map_or(Checksum::None, Span::checksum).and(self.digest(entry))
    }

    /// The verdict on an entry's own digests.
    fn digest(&self, entry: &Entry<'_>) -> Checksum {
        if !self.digests || !entry.record().digests {
            return Checksum::None;
        }
        let sums = self.sums.get_or_init(|| self.records.iter().map(|_| AtomicU8::new(0)).collect());
        let Some(sum) = sums.get(entry.index()) else { return Checksum::None };
        match sum.load(Ordering::Relaxed) {
            SUM_NONE => return Checksum::None,
            SUM_OK => return Checksum::Ok,
            SUM_BAD => return Checksum::Bad,
            _ => {}
        }
        let (state, stored) = match digest::check(self.stream(), entry.record()) {
            Ok(Checksum::None) => (Checksum::None, SUM_NONE),
            Ok(Checksum::Ok) => (Checksum::Ok, SUM_OK),
            Ok(Checksum::Bad) | Err(_) => (Checksum::Bad, SUM_BAD),
        };
        sum.store(stored, Ordering::Relaxed);
        state
    }
}
