//! LZBITMAP, Apple's codec since macOS 13: chunks of at most 32 KiB, decoded eight bytes at a time by a bitmap that
//! says for each byte whether it is the next literal or a copy from one distance back.
//!
//! Apple documents nothing of it. The layout is that of the public decoder libzbitmap, checked against streams that
//! Apple's encoder made.
//!
//! A stream is `"ZBM\x09"`, chunks, and a chunk of no bytes. A chunk is its length (24 bits, little-endian, all of the
//! chunk), its decoded length (24 bits), and the decoded bytes as they are when the two differ by 6. Otherwise three
//! offsets from the chunk's start follow (24 bits each), then the literals; at the offsets stand the distances, the
//! bitmaps that are not in the table, and the operations (4 bits each, the low half of a byte first); the last 17 bytes
//! hold a table of 12 operations: a bitmap (8 bits) and how many bytes of new distance it takes (2 bits).

mod decode;
mod encode;

pub(super) use decode::decode;
pub(super) use encode::encode;

const MAGIC: &[u8; 4] = b"ZBM\x09";
/// Most bytes that a chunk decodes to.
const LARGEST_CHUNK: usize = 0x8000;
/// Bytes before the data of a plain chunk: length and decoded length.
const PLAIN_HEADER: usize = 6;
/// Bytes before the literals of a compressed chunk: the same, and three offsets.
const HEADER: usize = 15;
/// Bytes of the table at the end of a compressed chunk.
const TABLE_SIZE: usize = 17;
/// Operations in the table; they have the numbers 3 to 14.
const TABLE_ENTRIES: usize = 12;
/// The number of the table's first operation. Those before it take a bitmap of their own and 0, 1 or 2 bytes of
/// distance.
const FIRST_TABLE_OPERATION: u8 = 3;
/// In place of an operation: the one before it is repeated.
const REPEAT: u8 = 15;
/// Fewest repetitions that can be written so.
const FEWEST_REPETITIONS: usize = 4;
/// The distance at the start of every chunk.
const FIRST_DISTANCE: usize = 8;
/// Bytes that one operation decodes.
const GROUP: usize = 8;

/// One operation: which of eight bytes are literals (bit 0 is the first byte), and how many bytes of new distance it
/// reads before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Operation {
    bitmap: u8,
    distance_bytes: u8,
}
