//! LZFSE: a walk over the blocks of the stream first, then the library.

use std::fmt::Display;
use std::io::Read;

use lzfse_rust::{LzfseEncoder, LzfseRingDecoder};

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

/// Decoded bytes after which the library's ring decoder pauses. A `bvxn` block that ends at a pause loses its end mark
/// there, so larger blocks take the other decoder; Apple's encoder makes them of less than 4096 bytes.
const RING_PAUSE: u32 = 0x1_0000;

/// The decoder's tables and rings, made for the first stream.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    ring: Option<Box<LzfseRingDecoder>>,
}

/// Decodes one stream.
///
/// The library's plain decoder writes into a vector that it grows without bound, and counts a block's bytes only after
/// it wrote them; its ring decoder writes into `output`, nowhere else. In both cases the blocks must first declare
/// `output.len()` bytes together.
pub(super) fn decode(workspace: &mut Workspace, payload: &[u8], output: &mut [u8]) -> Result<(), Fault> {
    let declared = output.len();
    let failed = |error: &dyn Display| Fault::new(0, "an LZFSE stream", error.to_string());
    let decoder = workspace.ring.get_or_insert_default();
    if check_blocks(payload, declared)? >= RING_PAUSE {
        let mut bytes = Vec::new();
        decoder.decode_bytes(payload, &mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() != declared {
            return Err(Fault::short(payload.len(), declared, bytes.len()));
        }
        output.copy_from_slice(&bytes);
        return Ok(());
    }
    let mut reader = decoder.reader_bytes(payload);
    reader.read_exact(output).map_err(|error| failed(&error))?;
    match reader.read(&mut [0]).map_err(|error| failed(&error))? {
        0 => Ok(()),
        _ => Err(Fault::long(payload.len(), declared)),
    }
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

/// Requires that the blocks lie within the payload, end with it, and declare `declared` bytes together. Returns the
/// most that a `bvxn` block declares.
fn check_blocks(payload: &[u8], declared: usize) -> Result<u32, Fault> {
    let (mut start, mut total, mut largest_lzvn) = (0_usize, 0_u64, 0_u32);
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
        if rest.starts_with(b"bvxn") {
            largest_lzvn = largest_lzvn.max(header.decoded_size);
        }
    }
    match total == declared as u64 {
        true => Ok(largest_lzvn),
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
