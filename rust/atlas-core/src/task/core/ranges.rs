//! The memory in a core file: its segments, as ranges of addresses and of the file.

use crate::bytes::Bytes;
use crate::macho::View;

use super::super::memory::TaskRegion;

/// One segment, or what of it no other has.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: u64,
    /// Behind the last byte.
    end: u64,
    file_start: usize,
    /// Bytes in the file; the rest is zero.
    file_size: usize,
    protection: u32,
}

/// The memory in a core file. It stays where it is; only what is read is copied.
#[derive(Debug)]
pub struct CoreMemory {
    bytes: Bytes,
    /// By ascending address, without overlap.
    ranges: Vec<Range>,
    warnings: Vec<String>,
}

impl CoreMemory {
    /// The segments of `view`, whose file is `bytes`.
    pub(super) fn new(view: &View<'_>, bytes: Bytes) -> Self {
        let length = bytes.len();
        let (mut outside, mut overlapping) = (0_usize, 0_usize);
        let mut ranges: Vec<Range> = view
            .segments()
            .map(|segment| {
                let start = segment.preferred_load_address.0;
                let file_start = usize::try_from(segment.file_offset).unwrap_or(usize::MAX).min(length);
                let wanted = segment.file_size.min(segment.vm_size);
                let there = length.saturating_sub(file_start);
                let file_size = usize::try_from(wanted).unwrap_or(usize::MAX).min(there);
                outside = outside.saturating_add(usize::from(wanted > there as u64));
                // What was cut off is not zero but unknown.
                let size = if wanted > there as u64 { file_size as u64 } else { segment.vm_size };
                let protection = segment.initial_protection;
                Range { start, end: start.saturating_add(size), file_start, file_size, protection }
            })
            .filter(|range| range.end > range.start)
            .collect();
        ranges.sort_by_key(|range| range.start);
        // Of memory that two segments have, the first by address counts.
        let mut covered = 0;
        ranges.retain_mut(|range| {
            let cut = covered.max(range.start) - range.start;
            if cut > 0 {
                overlapping = overlapping.saturating_add(1);
                let cut = usize::try_from(cut).unwrap_or(usize::MAX).min(range.file_size);
                range.start = covered.min(range.end);
                range.file_start = range.file_start.saturating_add(cut);
                range.file_size = range.file_size.saturating_sub(cut);
            }
            covered = covered.max(range.end);
            range.end > range.start
        });
        let mut warnings = Vec::new();
        if outside > 0 {
            warnings.push(format!("{outside} segments of the core file end behind the file: it was cut short"));
        }
        if overlapping > 0 {
            warnings.push(format!("{overlapping} segments of the core file overlap others"));
        }
        Self { bytes, ranges, warnings }
    }

    /// What is wrong with the segments.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Bytes of the whole file.
    pub(super) fn file_size(&self) -> usize {
        self.bytes.len()
    }

    /// The ranges from the one that holds `address` on; none where nothing holds it.
    fn from(&self, address: u64) -> &[Range] {
        let behind = self.ranges.partition_point(|range| range.start <= address);
        let ranges = behind.checked_sub(1).and_then(|first| self.ranges.get(first..)).unwrap_or_default();
        if ranges.first().is_some_and(|range| address < range.end) { ranges } else { &[] }
    }

    /// Copies memory from `address` on; says how many bytes that were. Bytes that a segment has in memory and not in
    /// the file are zero.
    #[must_use]
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> usize {
        let (mut done, mut next) = (0, address);
        let ranges = self.from(address);
        for range in ranges {
            let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) else { break };
            let Some(offset) = next.checked_sub(range.start) else { break };
            let size = usize::try_from(range.end - range.start - offset).unwrap_or(usize::MAX).min(rest.len());
            let rest = rest.get_mut(..size).unwrap_or_default();
            let bytes = self.file_part(range, offset);
            rest.fill(0);
            rest.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            done = done.saturating_add(size);
            next = range.end;
        }
        done
    }

    /// What the file has of `range` from `offset` on.
    fn file_part(&self, range: &Range, offset: u64) -> &[u8] {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(range.file_size);
        let start = range.file_start.saturating_add(offset);
        let end = range.file_start.saturating_add(range.file_size);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// `size` bytes from `address` on, as they lie in the file; `None` where it has them not in one piece.
    #[must_use]
    pub fn piece(&self, address: u64, size: usize) -> Option<Bytes> {
        let range = self.from(address).first()?;
        let offset = usize::try_from(address - range.start).ok()?;
        let end = offset.checked_add(size).filter(|end| *end <= range.file_size)?;
        let place = |offset: usize| range.file_start.checked_add(offset);
        self.bytes.slice(place(offset)?..place(end)?)
    }

    /// The segments.
    pub(super) fn regions(&self) -> Vec<TaskRegion> {
        let region = |range: &Range| TaskRegion {
            address: range.start,
            size: range.end - range.start,
            protection: range.protection,
            path: None,
        };
        self.ranges.iter().map(region).collect()
    }

    /// Each page that the file has the beginning of: address, protection, and the bytes from there to the end of the
    /// segment. First those at the beginning of segments, where headers mostly are; then all others, as many as the
    /// file has: where segments show the same part of it, some are not looked at.
    pub(super) fn pages(&self) -> impl Iterator<Item = (u64, u32, &[u8])> {
        let page = |range: &'_ Range, offset: usize| {
            let bytes = self.bytes.get(range.file_start.saturating_add(offset)..)?;
            let bytes = bytes.get(..range.file_size.checked_sub(offset)?)?;
            Some((range.start.checked_add(offset as u64)?, range.protection, bytes))
        };
        let first = self.ranges.iter().filter(|range| range.file_size > 0).filter_map(move |range| page(range, 0));
        let others = self.ranges.iter().flat_map(move |range| {
            let offsets = (PAGE..range.file_size).step_by(PAGE);
            offsets.filter_map(move |offset| page(range, offset))
        });
        first.chain(others.take(self.bytes.len() / PAGE))
    }
}

/// The smallest page of any Darwin.
const PAGE: usize = 4096;
