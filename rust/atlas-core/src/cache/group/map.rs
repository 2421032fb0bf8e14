//! From an address to its place in the files.

use super::GroupFile;

/// Warnings about mappings that overlap: nobody needs more to see what is wrong.
const MOST_WARNINGS: usize = 8;

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Position in [`super::CacheGroup::files`].
    pub file: usize,
    /// Position in that file's [`crate::cache::CacheFile::mappings`].
    pub mapping: usize,
    /// Bytes before it in that file.
    pub file_offset: u64,
    /// Bytes from it to the end of the mapping, or of the file where that was cut short. Never 0.
    pub left: u64,
}

/// Mapped memory, by where it starts. Mappings of different files may lie between each other in any order.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressMap {
    /// Apart from the rest, so that a search touches few lines of memory: a whole system has about 200.
    starts: Vec<u64>,
    spans: Vec<Span>,
    /// Where the first byte is that is not mapped, from each start on.
    ends: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    size: u64,
    file_offset: u64,
    file: usize,
    mapping: usize,
}

impl AddressMap {
    /// The mappings of `files` as far as the files reach. Where two overlap, which dyld refuses, the one that starts
    /// first counts, and the other from its end on.
    pub(super) fn of(files: &[GroupFile], warnings: &mut Vec<String>) -> Self {
        let mut all = Vec::new();
        for (file, GroupFile { file: cache, .. }) in files.iter().enumerate() {
            for (mapping, row) in cache.mappings().iter().enumerate() {
                let size = row.file_range(cache.bytes().len()).len() as u64;
                all.push((row.address.0, Span { size, file_offset: row.file_offset, file, mapping }));
            }
        }
        // Stable: of two that start together, the one of the earlier file comes first.
        all.sort_by_key(|(start, _)| *start);
        let mut map =
            Self { starts: Vec::with_capacity(all.len()), spans: Vec::with_capacity(all.len()), ends: Vec::new() };
        let (mut end, mut overlaps) = (0_u64, 0_usize);
        for (start, mut span) in all.into_iter().filter(|(_, span)| span.size != 0) {
            let hidden = end.saturating_sub(start).min(span.size);
            if hidden != 0 {
                overlaps = overlaps.saturating_add(1);
                if overlaps <= MOST_WARNINGS {
                    let name = files.get(span.file).map_or("", |file| &file.name);
                    warnings.push(format!(
                        "{name}: mappings[{}]: {hidden:#x} bytes at {start:#x} are mapped already",
                        span.mapping
                    ));
                }
            }
            let start = start.saturating_add(hidden);
            span.size = span.size.saturating_sub(hidden);
            span.file_offset = span.file_offset.saturating_add(hidden);
            if span.size != 0 {
                end = start.saturating_add(span.size);
                map.starts.push(start);
                map.spans.push(span);
            }
        }
        map.ends = map.runs();
        if let more @ 1.. = overlaps.saturating_sub(MOST_WARNINGS) {
            warnings.push(format!("{more} more mappings overlap others"));
        }
        map
    }

    fn runs(&self) -> Vec<u64> {
        let mut next: Option<(u64, u64)> = None;
        let mut ends: Vec<_> = self
            .starts
            .iter()
            .zip(&self.spans)
            .rev()
            .map(|(start, span)| {
                let own = start.saturating_add(span.size);
                let end = next.filter(|(start, _)| *start == own).map_or(own, |(_, end)| end);
                next = Some((*start, end));
                end
            })
            .collect();
        ends.reverse();
        ends
    }

    /// How many bytes are mapped from `address` on without a gap, by however many mappings.
    pub(super) fn mapped_from(&self, address: u64) -> u64 {
        let index = self.starts.partition_point(|start| *start <= address).checked_sub(1);
        let end = index.and_then(|index| self.ends.get(index).copied()).unwrap_or_default();
        end.saturating_sub(address)
    }

    #[inline]
    pub(super) fn at(&self, address: u64) -> Option<Place> {
        let index = self.starts.partition_point(|start| *start <= address).checked_sub(1)?;
        let (start, span) = (self.starts.get(index)?, self.spans.get(index)?);
        let within = address.checked_sub(*start)?;
        let left = span.size.checked_sub(within).filter(|left| *left != 0)?;
        let file_offset = span.file_offset.saturating_add(within);
        Some(Place { file: span.file, mapping: span.mapping, file_offset, left })
    }
}
