//! ZLIB: zlib streams, and raw deflate where a payload is not one.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::fault::Fault;
use super::pump::{Step, pump};

/// What Apple's encoder uses; it makes the header 78 5E.
const LEVEL: u32 = 5;

/// Decodes a zlib stream, or raw deflate: Apple's `COMPRESSION_ZLIB`, which dyld passes to its decoder, is raw
/// deflate, whereas the files of Apple's own archiver hold zlib streams.
pub(super) fn decode(engine: &mut Option<Decompress>, payload: &[u8], output: &mut [u8]) -> Result<(), Fault> {
    if !has_zlib_header(payload) {
        return inflate(engine, payload, output, false);
    }
    inflate(engine, payload, output, true)
        .or_else(|fault| inflate(engine, payload, output, false).map_err(|_also_not_raw| fault))
}

/// RFC 1950: method 8 in the low nibble, and the two bytes together a multiple of 31.
fn has_zlib_header(payload: &[u8]) -> bool {
    match payload {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).checked_rem(31).is_some_and(|rest| rest == 0)
        }
        _ => false,
    }
}

fn inflate(engine: &mut Option<Decompress>, payload: &[u8], output: &mut [u8], zlib_header: bool) -> Result<(), Fault> {
    let engine = match engine {
        Some(engine) => {
            engine.reset(zlib_header);
            engine
        }
        None => engine.insert(Decompress::new(zlib_header)),
    };
    let name = if zlib_header { "a zlib stream" } else { "a deflate stream" };
    pump(payload, output, |input, room| {
        let (read, written) = (engine.total_in(), engine.total_out());
        let status = engine.decompress(input, room, FlushDecompress::Finish).map_err(|error| {
            // The library's fast path loses its reason behind this one.
            let reason = error.message().filter(|reason| *reason != "repeated call with bad state");
            Fault::new(difference(engine.total_in(), read), name, reason.unwrap_or("damaged data").to_owned())
        })?;
        Ok(Step {
            consumed: difference(engine.total_in(), read),
            produced: difference(engine.total_out(), written),
            ended: status == Status::StreamEnd,
        })
    })
}

fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}

/// A zlib stream, or `None` where it would not be smaller than `data`.
pub(super) fn encode(data: &[u8]) -> Option<Vec<u8>> {
    let mut stream = vec![0; data.len()];
    let mut engine = Compress::new(Compression::new(LEVEL), true);
    let status = engine.compress(data, &mut stream, FlushCompress::Finish).ok()?;
    if status != Status::StreamEnd {
        return None;
    }
    stream.truncate(usize::try_from(engine.total_out()).ok()?);
    Some(stream)
}
