//! What is wrong within one block, before its place in the container is known.

use std::borrow::Cow;

use super::container::Block;
use crate::error::Error;

/// A codec's complaint about one payload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// From the start of the payload.
    pub(super) offset: usize,
    pub(super) expected: Cow<'static, str>,
    pub(super) found: Cow<'static, str>,
}

impl Fault {
    #[cold]
    pub(super) fn new(
        offset: usize,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { offset, expected: expected.into(), found: found.into() }
    }

    #[allow(dead_code)]
    /// The stream at `offset` ends before all bytes that the block declares are there.
    #[cold]
    pub(super) fn short(offset: usize, declared: u64, yielded: usize) -> Self {
        Self::new(offset, format!("{declared} decoded bytes"), format!("{yielded}"))
    }

    #[allow(dead_code)]
    /// The stream at `offset` goes on after all bytes that the block declares.
    #[cold]
    pub(super) fn long(offset: usize, declared: usize) -> Self {
        Self::new(offset, format!("{declared} decoded bytes"), "a stream that yields more")
    }

    /// Names the block.
    #[cold]
    pub(super) fn in_block(self, block: &Block<'_>) -> Error {
        let expected = format!("{} in block {}", self.expected, block.number);
        Error::archive(block.offset.saturating_add(self.offset), expected, self.found)
    }
}
