//! Upper bounds for untrusted input. No size read from input reaches an allocator or a loop bound unchecked.

/// What one call may spend on input that it does not trust. A breach is [`crate::ErrorKind::Limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Most bytes that a compressed container may decode to, and most bytes of text and data that one
    /// property list may yield.
    pub decoded_bytes: u64,
    /// Most images in one record. The largest real caches hold about 4 000.
    pub images: u32,
    /// Deepest nesting of a property list that is turned into values.
    pub depth: u32,
}

impl Limits {
    /// Generous for anything that dyld writes: 1 GiB decoded, 2^20 images, 512 levels.
    pub const DEFAULT: Self = Self { decoded_bytes: 1 << 30, images: 1 << 20, depth: 512 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
