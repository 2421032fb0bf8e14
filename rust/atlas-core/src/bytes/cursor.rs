//! The one reader of integers from bytes. Every read is checked; none panics.

/// A position in bytes that only moves forward.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    data: &'a [u8],
    position: usize,
}

macro_rules! integers {
    ($($le:ident $be:ident $type:ty),*) => {$(
        #[doc = concat!("A little-endian `", stringify!($type), "`, or `None` where fewer bytes are left.")]
        pub fn $le(&mut self) -> Option<$type> {
            self.array().map(<$type>::from_le_bytes)
        }
        #[doc = concat!("A big-endian `", stringify!($type), "`, or `None` where fewer bytes are left.")]
        pub fn $be(&mut self) -> Option<$type> {
            self.array().map(<$type>::from_be_bytes)
        }
    )*};
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    /// Starts at `position`, which may be past the end: then nothing is left.
    #[must_use]
    pub const fn at(data: &'a [u8], position: usize) -> Self {
        Self { data, position }
    }

    /// Bytes before the next read.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Bytes left to read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.data.len().saturating_sub(self.position)
    }

    /// The next `count` bytes, or `None` where fewer are left (the cursor then stays).
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.position.checked_add(count)?;
        let taken = self.data.get(self.position..end)?;
        self.position = end;
        Some(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    integers!(u8_le u8_be u8, u16_le u16_be u16, u32_le u32_be u32, u64_le u64_be u64, i64_le i64_be i64);
}
