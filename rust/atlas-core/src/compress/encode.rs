//! From bytes to a container.

use super::Codec;
use super::container::{BLOCK_HEADER_SIZE, HEADER_SIZE};
use crate::error::{Error, Result};

/// The block size that `aa` writes unless told otherwise, in bytes: 4 MiB.
pub const DEFAULT_BLOCK_SIZE: usize = 4 << 20;

/// Encodes `data` in blocks of `block_size` bytes (the last may be shorter); the same input always gives the same
/// bytes. A block that does not become smaller is stored as it is. No data gives a container without blocks.
///
/// # Errors
/// [`crate::ErrorKind::Archive`] where `block_size` is 0.
pub fn encode(data: &[u8], codec: Codec, block_size: usize) -> Result<Vec<u8>> {
    if block_size == 0 {
        return Err(Error::archive(0, "a block size of at least 1 byte", "0"));
    }
    let mut container = Vec::with_capacity(data.len().saturating_add(HEADER_SIZE + BLOCK_HEADER_SIZE));
    container.extend_from_slice(&[b'p', b'b', b'z', codec.letter()]);
    container.extend_from_slice(&(block_size as u64).to_be_bytes());
    for block in data.chunks(block_size) {
        push(&mut container, block.len(), block);
    }
    Ok(container)
}

fn push(container: &mut Vec<u8>, decoded_size: usize, payload: &[u8]) {
    container.extend_from_slice(&(decoded_size as u64).to_be_bytes());
    container.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    container.extend_from_slice(payload);
}
