//! All pointers of a cache, some pages at a time.

use std::sync::Arc;

use crate::cache::slide::{LARGEST_PAGE, Pointer};
use crate::error::Result;

use super::cache_memory::CacheMemory;

/// Bytes whose pages are read at a time: few enough to wait for, many enough that the tables are not read too often.
/// Sizes of pages are powers of two, and no larger.
const WINDOW: u64 = LARGEST_PAGE as u64;

/// An iterator over pointers; it keeps the cache.
///
/// Pages with a fault give one error each, with the file's name, the offset in the mapping and the table's entry.
#[derive(Debug)]
pub struct Pointers {
    memory: Arc<CacheMemory>,
    /// File, mapping, first and last address of what is still to come, the next one last.
    left: Vec<(usize, usize, u64, u64)>,
    ready: std::vec::IntoIter<Result<Pointer>>,
}

impl Pointers {
    pub(super) fn new(memory: Arc<CacheMemory>, mut left: Vec<(usize, usize, u64, u64)>) -> Self {
        left.reverse();
        Self { memory, left, ready: Vec::new().into_iter() }
    }

    /// The next pages of a piece, and where what is left of it begins.
    fn read(memory: &CacheMemory, piece: (usize, usize, u64, u64)) -> Result<(Vec<Result<Pointer>>, Option<u64>)> {
        let (file, mapping, start, end) = piece;
        let Some(slid) = memory.slid(file, mapping, false)? else { return Ok((Vec::new(), None)) };
        let first = start.saturating_sub(slid.address);
        let next = first.saturating_sub(first % WINDOW).saturating_add(WINDOW);
        let stop = next.min(end.saturating_sub(slid.address));
        let found = slid.info.pointers_in(slid.bytes, first..stop);
        let found = found.map(|found| found.map_err(|error| memory.in_file(file, error))).collect();
        let next = (stop == next).then(|| slid.address.saturating_add(next)).filter(|next| *next < end);
        Ok((found, next))
    }
}

impl Iterator for Pointers {
    type Item = Result<Pointer>;

    fn next(&mut self) -> Option<Result<Pointer>> {
        loop {
            if let Some(found) = self.ready.next() {
                return Some(found);
            }
            let piece = self.left.pop()?;
            match Self::read(&self.memory, piece) {
                Ok((found, next)) => {
                    let (file, mapping, _, end) = piece;
                    self.left.extend(next.map(|next| (file, mapping, next, end)));
                    self.ready = found.into_iter();
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
