//! From a container to the bytes that it holds.

use super::Codec;
use super::container::{Block, Container};
use super::fault::Fault;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// What a container holds, and how it held it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// How the blocks were compressed.
    pub codec: Codec,
    /// What the header says about the size of a decoded block, in bytes. Nothing here relies on it: dyld does not.
    pub block_size: u64,
    /// How many blocks there were.
    pub blocks: usize,
    /// The decoded blocks, one after the other.
    pub bytes: Vec<u8>,
}

/// Decodes a container, its blocks in parallel where that pays.
///
/// # Errors
/// * [`crate::ErrorKind::Archive`] at the byte offset in `data` where the container or a block's stream is not well
///   formed, or yields fewer or more bytes than the block declares. Where several blocks are bad, the first is named.
/// * [`crate::ErrorKind::Limit`] `"decoded bytes"` where the blocks declare more than `limits.decoded_bytes` together;
///   nothing is decoded then.
pub fn decode(data: &[u8], limits: &Limits) -> Result<Decoded> {
    let container = Container::parse(data)?;
    let too_large = || Error::limit("decoded bytes", limits.decoded_bytes, container.decoded_size);
    if container.decoded_size > limits.decoded_bytes {
        return Err(too_large());
    }
    let size = usize::try_from(container.decoded_size).map_err(|_| too_large())?;
    let mut bytes = Vec::new();
    for block in container.blocks() {
        let block = block?;
        if !block.is_stored() {
            return Err(unsupported(&block));
        }
        if bytes.is_empty() {
            bytes.reserve_exact(size.min(data.len()));
        }
        bytes.extend_from_slice(block.payload);
    }
    Ok(Decoded { codec: container.codec, block_size: container.block_size, blocks: container.block_count, bytes })
}

fn unsupported(block: &Block<'_>) -> Error {
    Fault::new(0, "a stored block", "a compressed one").in_block(block)
}
