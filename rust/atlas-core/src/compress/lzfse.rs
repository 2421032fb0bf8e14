//! LZFSE: a walk over the blocks of the stream first, then the library.

use lzfse_rust::{LzfseDecoder, LzfseEncoder};

use super::fault::Fault;
use crate::bytes::Cursor;

/// Bytes of a `bvx1` header: 50 of parameters, 360 weights of 16 bits, 2 of padding.
const PLAIN_TABLES_HEADER: u64 = 772;
/// Bytes of a `bvxn` header.
const LZVN_HEADER: u64 = 12;
/// Bytes of a `bvx-` header.
const RAW_HEADER: u64 = 8;
/// Bytes of the end mark `bvx$`.
const END_MARK: usize = 4;

/// The decoder's tables, and the buffer that it insists on growing itself.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    decoder: LzfseDecoder,
    buffer: Vec<u8>,
}

/// Decodes one stream.
///
/// The library writes into a vector that it grows without bound, and only counts a block's bytes after it wrote them.
/// So the blocks must declare `output.len()` bytes together before it sees them: a block that lies is then found at its
/// own end, at most 24 MB (10 000 matches of 2 359 bytes) too late.
pub(super) fn decode(workspace: &mut Workspace, payload: &[u8], output: &mut [u8]) -> Result<(), Fault> {
    check_blocks(payload, output.len())?;
    let Workspace { decoder, buffer } = workspace;
    buffer.clear();
    // The library wants twice the room that it fills. What the payload cannot justify it must ask for as it goes.
    let room = output.len().saturating_mul(2).saturating_add(4096);
    buffer.reserve(room.min(payload.len().saturating_mul(16)));
    let decoded = decoder.decode_bytes(payload, buffer);
    decoded.map_err(|error| Fault::new(0, "an LZFSE stream", error.to_string()))?;
    if buffer.len() != output.len() {
        return Err(Fault::short(payload.len(), output.len(), buffer.len()));
    }
    output.copy_from_slice(buffer);
    Ok(())
}

/// One block of the stream, as its header tells it.
struct Header {
    /// Bytes of header and payload.
    size: u64,
    decoded_size: u32,
}

/// The header at the cursor, `None` where it is cut or has no known magic.
fn header(cursor: &mut Cursor<'_>) -> Option<Header> {
    let magic = cursor.array::<4>()?;
    let decoded_size = cursor.u32_le()?;
    let size = match &magic {
        b"bvx2" => {
            let (literals, matches, header) = (cursor.u64_le()?, cursor.u64_le()?, cursor.u64_le()?);
            (header & 0xffff_ffff).checked_add((literals >> 20) & 0xf_ffff)?.checked_add((matches >> 40) & 0xf_ffff)?
        }
        b"bvx1" => {
            let _payload_literals_matches = cursor.take(12)?;
            let (literals, matches) = (cursor.u32_le()?, cursor.u32_le()?);
            PLAIN_TABLES_HEADER.checked_add(literals.into())?.checked_add(matches.into())?
        }
        b"bvxn" => LZVN_HEADER.checked_add(cursor.u32_le()?.into())?,
        b"bvx-" => RAW_HEADER.checked_add(decoded_size.into())?,
        _ => return None,
    };
    Some(Header { size, decoded_size })
}

/// Requires that the blocks lie within the payload, end with it, and declare `declared` bytes together.
fn check_blocks(payload: &[u8], declared: usize) -> Result<(), Fault> {
    let (mut start, mut total) = (0_usize, 0_u64);
    loop {
        let rest = payload.get(start..).unwrap_or_default();
        if rest.starts_with(b"bvx$") {
            Fault::unless_at_end(rest, END_MARK).map_err(|fault| fault.behind(start))?;
            break;
        }
        let Some(header) = header(&mut Cursor::new(rest)) else {
            let magic = rest.get(..4).unwrap_or(rest);
            let found = format!("\"{}\" and {} bytes in all", magic.escape_ascii(), rest.len());
            return Err(Fault::new(start, "an LZFSE block, one of bvx1 bvx2 bvxn bvx- bvx$", found));
        };
        let size = usize::try_from(header.size).ok().filter(|&size| size < rest.len());
        let Some(size) = size else {
            let expected = format!("{} bytes of LZFSE block and a block behind it", header.size);
            return Err(Fault::new(start, expected, format!("{} bytes", rest.len())));
        };
        // `bvx2` declares the size of its own header: the walk must go on where that is 0.
        start = start.saturating_add(size.max(END_MARK));
        total = total.saturating_add(header.decoded_size.into());
    }
    match total == declared as u64 {
        true => Ok(()),
        false => {
            let found = format!("an LZFSE stream whose blocks declare {total}");
            Err(Fault::new(0, format!("{declared} decoded bytes"), found))
        }
    }
}

/// One stream; `None` where the library refuses, which it does above 2 GiB.
pub(super) fn encode(data: &[u8]) -> Option<Vec<u8>> {
    let mut stream = Vec::new();
    LzfseEncoder::default().encode_bytes(data, &mut stream).ok()?;
    Some(stream)
}
