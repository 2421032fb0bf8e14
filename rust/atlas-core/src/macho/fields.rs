//! Reads fields of structures in the byte order of the file.

use crate::bytes::Cursor;

/// The order of bytes in the integers of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Least significant byte first: everything that Apple makes since 2006.
    Little,
    /// Most significant byte first: PowerPC, and the tables of universal files.
    Big,
}

/// The bytes of one structure. Whoever makes it has checked that they are enough; a field past their end is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    order: ByteOrder,
}

impl<'a> Fields<'a> {
    pub const fn new(bytes: &'a [u8], order: ByteOrder) -> Self {
        Self { bytes, order }
    }

    pub fn u16(self, at: usize) -> u16 {
        let mut cursor = Cursor::at(self.bytes, at);
        match self.order {
            ByteOrder::Little => cursor.u16_le(),
            ByteOrder::Big => cursor.u16_be(),
        }
        .unwrap_or_default()
    }

    pub fn u32(self, at: usize) -> u32 {
        let mut cursor = Cursor::at(self.bytes, at);
        match self.order {
            ByteOrder::Little => cursor.u32_le(),
            ByteOrder::Big => cursor.u32_be(),
        }
        .unwrap_or_default()
    }

    pub fn u64(self, at: usize) -> u64 {
        let mut cursor = Cursor::at(self.bytes, at);
        match self.order {
            ByteOrder::Little => cursor.u64_le(),
            ByteOrder::Big => cursor.u64_be(),
        }
        .unwrap_or_default()
    }

    /// A `u64` where `wide`, else a `u32`: the two widths of addresses, sizes and offsets.
    pub fn word(self, at: usize, wide: bool) -> u64 {
        if wide { self.u64(at) } else { u64::from(self.u32(at)) }
    }

    pub fn array<const N: usize>(self, at: usize) -> [u8; N] {
        Cursor::at(self.bytes, at).array().unwrap_or([0; N])
    }
}
