//! From bytes to a container.

use std::sync::{Mutex, PoisonError};

use super::container::{BLOCK_HEADER_SIZE, HEADER_SIZE};
use super::{Codec, lz4, lzbitmap, lzfse, workers, xz, zlib};
use crate::error::{Error, Result};

/// The block size that `aa` writes unless told otherwise, in bytes: 4 MiB.
pub const DEFAULT_BLOCK_SIZE: usize = 4 << 20;

/// Encodes `data` in blocks of `block_size` bytes (the last may be shorter), in parallel where that pays; the same
/// input always gives the same bytes. A block that does not become smaller is stored as it is. No data gives a
/// container without blocks.
///
/// # Errors
/// [`crate::ErrorKind::Archive`] where `block_size` is 0.
pub fn encode(data: &[u8], codec: Codec, block_size: usize) -> Result<Vec<u8>> {
    if block_size == 0 {
        return Err(Error::archive(0, "a block size of at least 1 byte", "0"));
    }
    let blocks = data.len().div_ceil(block_size);
    let payloads = Mutex::new(vec![None; if codec == Codec::None { 0 } else { blocks }]);
    if codec != Codec::None {
        workers::run(
            workers::count(data.len(), blocks),
            data.chunks(block_size).enumerate(),
            |(), (number, block)| {
                let payload = encode_block(codec, block);
                if let Some(slot) = payloads.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number) {
                    *slot = payload;
                }
                Ok::<(), Error>(())
            },
        )?;
    }
    let payloads = payloads.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut container = Vec::with_capacity(HEADER_SIZE);
    container.extend_from_slice(&[b'p', b'b', b'z', codec.letter()]);
    container.extend_from_slice(&(block_size as u64).to_be_bytes());
    let mut payloads = payloads.into_iter();
    for block in data.chunks(block_size) {
        match payloads.next().flatten() {
            Some(payload) => push(&mut container, block.len(), &payload),
            None => push(&mut container, block.len(), block),
        }
    }
    Ok(container)
}

/// The block's stream, or `None` where it is to be stored: equal sizes would say so whatever the payload is.
fn encode_block(codec: Codec, block: &[u8]) -> Option<Vec<u8>> {
    let stream = match codec {
        Codec::None => None,
        Codec::Zlib => zlib::encode(block),
        Codec::Lzma => xz::encode(block),
        Codec::Lz4 => lz4::encode(block),
        Codec::Lzfse => lzfse::encode(block),
        Codec::Lzbitmap => lzbitmap::encode(block),
    };
    stream.filter(|stream| stream.len() < block.len())
}

fn push(container: &mut Vec<u8>, decoded_size: usize, payload: &[u8]) {
    container.reserve(payload.len().saturating_add(BLOCK_HEADER_SIZE));
    container.extend_from_slice(&(decoded_size as u64).to_be_bytes());
    container.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    container.extend_from_slice(payload);
}
