//! The walk over a container: its header, then one block header after the other, all checked.

use std::ops::Range;

use super::Codec;
use crate::bytes::Cursor;
use crate::error::{Error, Result};

const MAGIC: &[u8] = b"pbz";

/// Bytes before the first block: magic, codec letter, block size.
pub(super) const HEADER_SIZE: usize = 12;
/// Bytes before a block's payload: decoded size, stored size.
pub(super) const BLOCK_HEADER_SIZE: usize = 16;

/// Whether `data` starts as a container, be its codec known or not.
#[must_use]
pub fn is_container(data: &[u8]) -> bool {
    data.starts_with(MAGIC)
}

/// One block: where its header stands, and what follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    /// From 0.
    pub(super) number: usize,
    /// Of the first byte of the payload, from the start of the container.
    pub(super) offset: usize,
    /// What the payload declares to decode to, in bytes. Not to be trusted.
    pub(super) decoded_size: u64,
    pub(super) payload: &'a [u8],
}

impl Block<'_> {
    /// The payload is the decoded bytes themselves.
    pub(super) fn is_stored(&self) -> bool {
        self.payload.len() as u64 == self.decoded_size
    }
}

/// A container whose block headers were all checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Container<'a> {
    pub(super) codec: Codec,
    pub(super) block_size: u64,
    pub(super) block_count: usize,
    /// The sum of all decoded sizes, `u64::MAX` where it does not fit. Not to be trusted.
    pub(super) decoded_size: u64,
    data: &'a [u8],
}

impl<'a> Container<'a> {
    /// Checks the header and that every block lies within `data`; decodes nothing and allocates nothing.
    pub(super) fn parse(data: &'a [u8]) -> Result<Self> {
        if !is_container(data) {
            return Err(Error::archive(0, "a container that starts with \"pbz\"", head(data, 0..3)));
        }
        let Some(&letter) = data.get(3) else {
            return Err(Error::archive(3, "a codec letter", "the end of the data"));
        };
        let codec = Codec::from_letter(letter)
            .ok_or_else(|| Error::archive(3, "a codec letter, one of - z x 4 e b", head(data, 3..4)))?;
        let block_size = Cursor::at(data, 4)
            .u64_be()
            .ok_or_else(|| Error::archive(4, "8 bytes of block size", left(data.len().saturating_sub(4))))?;
        let mut container = Self { codec, block_size, block_count: 0, decoded_size: 0, data };
        for block in container.blocks() {
            container.decoded_size = container.decoded_size.saturating_add(block?.decoded_size);
            container.block_count = container.block_count.saturating_add(1);
        }
        Ok(container)
    }

    /// The blocks in their order. Ends after the first error.
    pub(super) fn blocks(&self) -> Blocks<'a> {
        Blocks { cursor: Cursor::at(self.data, HEADER_SIZE), number: 0 }
    }
}

/// The blocks of a container, read as they are asked for.
#[derive(Clone, Debug)]
pub(super) struct Blocks<'a> {
    cursor: Cursor<'a>,
    number: usize,
}

impl<'a> Blocks<'a> {
    fn block(&mut self) -> Result<Block<'a>> {
        let (number, start) = (self.number, self.cursor.position());
        let available = self.cursor.remaining();
        let sizes = self.cursor.u64_be().zip(self.cursor.u64_be());
        let Some((decoded_size, stored_size)) = sizes else {
            let expected = format!("{BLOCK_HEADER_SIZE} bytes of header of block {number}");
            return Err(Error::archive(start, expected, left(available)));
        };
        let offset = self.cursor.position();
        let payload = usize::try_from(stored_size).ok().and_then(|size| self.cursor.take(size)).ok_or_else(|| {
            let expected = format!("{stored_size} stored bytes of block {number}");
            Error::archive(offset, expected, left(self.cursor.remaining()))
        })?;
        self.number = number.saturating_add(1);
        Ok(Block { number, offset, decoded_size, payload })
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cursor.remaining() == 0 {
            return None;
        }
        let block = self.block();
        if block.is_err() {
            self.cursor = Cursor::new(&[]);
        }
        Some(block)
    }
}

fn left(count: usize) -> String {
    format!("{count} bytes to the end of the data")
}

fn head(data: &[u8], range: Range<usize>) -> String {
    let end = range.end.min(data.len());
    match data.get(range.start..end) {
        Some(bytes) if !bytes.is_empty() => format!("\"{}\"", bytes.escape_ascii()),
        _ => "the end of the data".to_owned(),
    }
}
