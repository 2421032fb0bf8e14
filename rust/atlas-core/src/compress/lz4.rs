//! LZ4 in Apple's framing: `bv41` compressed, `bv4-` plain, `bv4$` the end. Not the standard LZ4 frame format.

use lz4_flex::block::{compress_into, decompress_into, decompress_into_with_dict, get_maximum_output_size};

use super::fault::Fault;
use crate::bytes::Cursor;

const COMPRESSED: &[u8; 4] = b"bv41";
const PLAIN: &[u8; 4] = b"bv4-";
const END: &[u8; 4] = b"bv4$";

/// How far an LZ4 sequence can refer back, in bytes.
const WINDOW: usize = 64 << 10;
/// Largest input of one frame when encoding: its sizes are 32 bits wide.
const LARGEST_FRAME: usize = 1 << 30;

/// Decodes frames up to the end mark. A frame may refer back into the frames before it: no source says that Apple's
/// encoder does so, and none that it does not; frames that do not are decoded all the same.
pub(super) fn decode(payload: &[u8], output: &mut [u8]) -> Result<(), Fault> {
    let declared = output.len();
    let mut cursor = Cursor::new(payload);
    let mut written = 0_usize;
    loop {
        let start = cursor.position();
        let magic = cursor.array::<4>().ok_or_else(|| Fault::cut(start, declared, written))?;
        let (history, rest) = output.split_at_mut_checked(written).unwrap_or_default();
        let size = match &magic {
            COMPRESSED => {
                let cut = || Fault::new(start, "an LZ4 frame within the block", "one that leaves it");
                let (size, encoded_size) = cursor.u32_le().zip(cursor.u32_le()).ok_or_else(cut)?;
                let encoded = cursor.take(as_size(encoded_size)).ok_or_else(cut)?;
                let frame = rest.get_mut(..as_size(size)).ok_or_else(|| Fault::long(start, declared))?;
                decode_frame(encoded, frame, history).map_err(|fault| fault.behind(start))?;
                as_size(size)
            }
            PLAIN => {
                let cut = || Fault::new(start, "a plain LZ4 frame within the block", "one that leaves it");
                let plain = cursor.u32_le().and_then(|size| cursor.take(as_size(size))).ok_or_else(cut)?;
                let frame = rest.get_mut(..plain.len()).ok_or_else(|| Fault::long(start, declared))?;
                frame.copy_from_slice(plain);
                plain.len()
            }
            END if written < declared => return Err(Fault::short(start, declared, written)),
            END => return Fault::unless_at_end(payload, cursor.position()),
            other => {
                let found = format!("\"{}\"", other.escape_ascii());
                return Err(Fault::new(start, "an LZ4 frame, one of bv41 bv4- bv4$", found));
            }
        };
        written = written.saturating_add(size);
    }
}

fn decode_frame(encoded: &[u8], frame: &mut [u8], history: &[u8]) -> Result<(), Fault> {
    let window = history.get(history.len().saturating_sub(WINDOW)..).unwrap_or_default();
    let yielded = match window {
        [] => decompress_into(encoded, frame),
        window => decompress_into_with_dict(encoded, frame, window),
    }
    .map_err(|error| Fault::new(0, format!("an LZ4 frame of {} bytes", frame.len()), error.to_string()))?;
    match yielded == frame.len() {
        true => Ok(()),
        false => Err(Fault::new(0, format!("an LZ4 frame of {} bytes", frame.len()), format!("{yielded}"))),
    }
}

/// Frames that do not refer to each other, and the end mark.
pub(super) fn encode(data: &[u8]) -> Option<Vec<u8>> {
    let mut stream = Vec::new();
    let mut encoded = Vec::new();
    for frame in data.chunks(LARGEST_FRAME) {
        encoded.resize(get_maximum_output_size(frame.len()), 0);
        let encoded_size = compress_into(frame, &mut encoded).ok()?;
        let size = u32::try_from(frame.len()).ok()?.to_le_bytes();
        match encoded.get(..encoded_size) {
            Some(encoded) if encoded.len() < frame.len() => {
                let encoded_size = u32::try_from(encoded.len()).ok()?.to_le_bytes();
                for part in [&COMPRESSED[..], &size, &encoded_size, encoded] {
                    stream.extend_from_slice(part);
                }
            }
            _ => {
                for part in [&PLAIN[..], &size, frame] {
                    stream.extend_from_slice(part);
                }
            }
        }
    }
    stream.extend_from_slice(END);
    Some(stream)
}

fn as_size(size: u32) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
