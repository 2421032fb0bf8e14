//! The codecs that a container can name, and their letters.

/// How the blocks of a container are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// `pbz-`: not at all.
    None,
    /// `pbzz`: a zlib stream (RFC 1950). Raw deflate (RFC 1951) is read too: the constant that dyld's reader passes to
    /// Apple's Compression library means that.
    Zlib,
    /// `pbzx`: one `.xz` stream.
    Lzma,
    /// `pbz4`: Apple's LZ4 frames `bv41`, `bv4-`, `bv4$`; not the standard LZ4 frame format.
    Lz4,
    /// `pbze`: LZFSE, LZVN and raw blocks `bvx1`, `bvx2`, `bvxn`, `bvx-`, `bvx$`.
    Lzfse,
    /// `pbzb`: LZBITMAP, since macOS 13.
    Lzbitmap,
}

impl Codec {
    /// Every codec, in the order of the documentation.
    pub const ALL: [Self; 6] = [Self::None, Self::Zlib, Self::Lzma, Self::Lz4, Self::Lzfse, Self::Lzbitmap];

    /// The codec of the fourth byte of a container, or `None` for a letter that no known release of macOS writes.
    #[must_use]
    pub const fn from_letter(letter: u8) -> Option<Self> {
        Some(match letter {
            b'-' => Self::None,
            b'z' => Self::Zlib,
            b'x' => Self::Lzma,
            b'4' => Self::Lz4,
            b'e' => Self::Lzfse,
            b'b' => Self::Lzbitmap,
            _ => return None,
        })
    }

    /// The fourth byte of a container.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Self::None => b'-',
            Self::Zlib => b'z',
            Self::Lzma => b'x',
            Self::Lz4 => b'4',
            Self::Lzfse => b'e',
            Self::Lzbitmap => b'b',
        }
    }

    /// The name that `aa` gives it: `none`, `zlib`, `lzma`, `lz4`, `lzfse`, `lzbitmap`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zlib => "zlib",
            Self::Lzma => "lzma",
            Self::Lz4 => "lz4",
            Self::Lzfse => "lzfse",
            Self::Lzbitmap => "lzbitmap",
        }
    }

    /// The codec of a [`Codec::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// An upper bound on the decoded bytes that one byte of stream can yield.
    pub(super) const fn largest_expansion(self) -> u64 {
        match self {
            Self::None => 1,
            // 258 bytes for two bits.
            Self::Zlib => 1032,
            // 273 bytes for 14 binary decisions of at least 0.022 bits each: 7 090.
            Self::Lzma => 8192,
            // 255 bytes for each further byte of a length.
            Self::Lz4 => 256,
            // 2 359 bytes for 11 bits: 1 716; below it 190 000 for the 130 bytes of the smallest block with tables.
            Self::Lzfse => 2048,
            // 15 groups of eight bytes for four bits: 240.
            Self::Lzbitmap => 256,
        }
    }
}
