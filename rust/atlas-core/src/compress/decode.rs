//! From a container to the bytes that it holds.

use std::mem;

use super::container::{Block, Blocks, Container};
use super::fault::Fault;
use super::{Codec, lz4, lzbitmap, lzfse, workers, xz, zlib};
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
/// Each block must be one stream, to its last byte, that yields exactly the bytes that the block declares.
///
/// # Errors
/// * [`crate::ErrorKind::Archive`] at the byte offset in `data` where the container or a block's stream is not well
///   formed, or yields fewer or more bytes than the block declares. Of several bad blocks the first is named, save that
///   one which declares more than its bytes can yield is found before any is decoded.
/// * [`crate::ErrorKind::Limit`] `"decoded bytes"` where the blocks declare more than `limits.decoded_bytes` together;
///   nothing is decoded or allocated then.
pub fn decode(data: &[u8], limits: &Limits) -> Result<Decoded> {
    let container = Container::parse(data)?;
    let too_large = || {
        let error = Error::limit("decoded bytes", limits.decoded_bytes, container.decoded_size);
        // At the block that goes too far.
        let mut decoded = 0_u64;
        let block = container.blocks().filter_map(Result::ok).find(|block| {
            decoded = decoded.saturating_add(block.decoded_size);
            decoded > limits.decoded_bytes
        });
        error.at_offset(block.map_or(0, |block| block.offset))
    };
    if container.decoded_size > limits.decoded_bytes {
        return Err(too_large());
    }
    let size = usize::try_from(container.decoded_size).map_err(|_| too_large())?;
    for block in container.blocks() {
        check_expansion(container.codec, &block?)?;
    }
    let mut bytes = zeroed(size)?;
    let jobs = Jobs { blocks: container.blocks(), rest: &mut bytes };
    let workers = match container.codec {
        Codec::None => 1,
        _ => workers::count(size, container.block_count),
    };
    workers::run(workers, jobs, |workspace: &mut Workspace, job| {
        let (block, output) = job?;
        workspace.decode(container.codec, &block, output).map_err(|fault| fault.in_block(&block))
    })?;
    Ok(Decoded { codec: container.codec, block_size: container.block_size, blocks: container.block_count, bytes })
}

/// Refuses a block that declares more than its payload can yield, before anything is allocated for it.
fn check_expansion(codec: Codec, block: &Block<'_>) -> Result<()> {
    let most = (block.payload.len() as u64).saturating_mul(codec.largest_expansion());
    if block.decoded_size <= most || block.is_stored() {
        return Ok(());
    }
    let expected =
        format!("at most {most} decoded bytes, the most that {} bytes of stream yield,", block.payload.len());
    Err(Fault::new(0, expected, format!("{} declared", block.decoded_size)).in_block(block))
}

/// `size` bytes that the system hands out as they are first written, so that a container which declares more than it
/// yields costs only what it yields.
fn zeroed(size: usize) -> Result<Vec<u8>> {
    // Asking politely first: `vec!` ends the process where the system has no room left.
    let probe = Vec::<u8>::new().try_reserve_exact(size);
    probe.map_err(|error| Error::archive(0, format!("memory for {size} decoded bytes"), error.to_string()))?;
    Ok(vec![0; size])
}

/// The blocks, each with its own part of the output.
struct Jobs<'data, 'output> {
    blocks: Blocks<'data>,
    rest: &'output mut [u8],
}

impl<'data, 'output> Iterator for Jobs<'data, 'output> {
    type Item = Result<(Block<'data>, &'output mut [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = match self.blocks.next()? {
            Ok(block) => block,
            Err(error) => return Some(Err(error)),
        };
        let size = usize::try_from(block.decoded_size).unwrap_or(usize::MAX);
        let Some((output, rest)) = mem::take(&mut self.rest).split_at_mut_checked(size) else {
            // The parts sum up to the output, or `decode` would not have come here.
            return Some(Err(Fault::new(0, "room for the block", "none").in_block(&block)));
        };
        self.rest = rest;
        Some(Ok((block, output)))
    }
}

/// What a thread keeps from block to block.
#[derive(Debug, Default)]
struct Workspace {
    zlib: Option<flate2::Decompress>,
    lzfse: lzfse::Workspace,
}

impl Workspace {
    fn decode(&mut self, codec: Codec, block: &Block<'_>, output: &mut [u8]) -> std::result::Result<(), Fault> {
        if block.is_stored() {
            output.copy_from_slice(block.payload);
            return Ok(());
        }
        match codec {
            Codec::None => Err(Fault::new(0, "as many stored as decoded bytes", format!("{}", block.payload.len()))),
            Codec::Zlib => zlib::decode(&mut self.zlib, block.payload, output),
            Codec::Lzma => xz::decode(block.payload, output),
            Codec::Lz4 => lz4::decode(block.payload, output),
            Codec::Lzfse => lzfse::decode(&mut self.lzfse, block.payload, output),
            Codec::Lzbitmap => lzbitmap::decode(block.payload, output),
        }
    }
}
