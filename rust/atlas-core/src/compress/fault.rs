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

    /// The stream ends at `offset` before all bytes that the block declares are there.
    #[cold]
    pub(super) fn short(offset: usize, declared: usize, yielded: usize) -> Self {
        Self::new(offset, format!("{declared} decoded bytes"), format!("a stream of {yielded}"))
    }

    /// The stream goes on at `offset`, after all bytes that the block declares.
    #[cold]
    pub(super) fn long(offset: usize, declared: usize) -> Self {
        Self::new(offset, format!("{declared} decoded bytes"), "a stream of more")
    }

    /// The payload ends before its stream does.
    #[cold]
    pub(super) fn cut(offset: usize, declared: usize, yielded: usize) -> Self {
        let found = format!("the end of the block after {yielded} of {declared} decoded bytes");
        Self::new(offset, "the end of the stream", found)
    }

    /// Bytes after the stream are an error: no known encoder leaves any, most codecs have no checksum, and a stream
    /// that ends too early is what damage looks like.
    pub(super) fn unless_at_end(payload: &[u8], end_of_stream: usize) -> Result<(), Self> {
        match payload.len().saturating_sub(end_of_stream) {
            0 => Ok(()),
            rest => Err(Self::new(end_of_stream, "the end of the block", format!("{rest} bytes after the stream"))),
        }
    }

    /// The same, where the offset counts from `start`.
    #[must_use]
    pub(super) fn behind(mut self, start: usize) -> Self {
        self.offset = self.offset.saturating_add(start);
        self
    }

    /// Names the block.
    #[cold]
    pub(super) fn in_block(self, block: &Block<'_>) -> Error {
        let expected = format!("{} in block {}", self.expected, block.number);
        Error::archive(block.offset.saturating_add(self.offset), expected, self.found)
    }
}
