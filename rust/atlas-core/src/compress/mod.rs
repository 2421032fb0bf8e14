//! Owns the `pbz?` container of parallel compression and its six codecs: [`decode`], [`encode`], [`Codec`].
//!
//! Must not know what the decoded bytes are, must not allocate from a declared size that the stored bytes cannot
//! yield, and must not let a panic of a codec's library out.
//!
//! A container is `"pbz"`, a codec letter, the block size (big-endian), then blocks to the end of the data. A block is
//! its decoded size and its stored size (big-endian, 64 bits each) and the stored bytes. Equal sizes mean that the
//! bytes stand there as they are. Blocks do not depend on each other.
#![forbid(unsafe_code)]

mod codec;
mod container;
mod decode;
mod encode;
mod fault;
mod lz4;
mod lzbitmap;
mod lzfse;
mod pump;
mod workers;
mod xz;
mod zlib;

#[cfg(test)]
mod tests;

pub use codec::Codec;
pub use container::is_container;
pub use decode::{Decoded, decode};
pub use encode::{DEFAULT_BLOCK_SIZE, encode};
