use super::{assert_error, decode_one, records, stream};
use crate::compress::Codec;

/// A chunk of a compressed body, made by hand.
#[derive(Clone, Default)]
struct Chunk {
    decoded: u32,
    literals: Vec<u8>,
    distances: Vec<u8>,
    bitmaps: Vec<u8>,
    nibbles: Vec<u8>,
    table: u128,
}

impl Chunk {
    fn bytes(&self) -> Vec<u8> {
        let nibbles: Vec<u8> =
            self.nibbles.chunks(2).map(|pair| pair[0] | pair.get(1).copied().unwrap_or(0) << 4).collect();
        let mut body = Vec::new();
        let mut offsets = vec![];
        for part in [&self.literals, &self.distances, &self.bitmaps, &nibbles] {
            body.extend_from_slice(part);
            offsets.push(15 + body.len() as u32);
        }
        body.extend_from_slice(&self.table.to_le_bytes());
        body.push(0);
        let numbers = [15 + body.len() as u32, self.decoded, offsets[0], offsets[1], offsets[2]];
        let header: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()[..3].to_vec()).collect();
        [header, body].concat()
    }
}

fn whole(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"ZBM\x09".to_vec(), chunks.concat(), vec![6, 0, 0, 0, 0, 0]].concat()
}

fn plain(data: &[u8]) -> Vec<u8> {
    let size = data.len() as u32;
    [&(size + 6).to_le_bytes()[..3], &size.to_le_bytes()[..3], data].concat()
}

fn decode(decoded_size: usize, chunks: &[Vec<u8>]) -> crate::Result<Vec<u8>> {
    decode_one(Codec::Lzbitmap, decoded_size, &whole(chunks))
}

/// Eight literals, then "once more eight bytes back", twenty-four times: 4 + 15 + 5.
fn repeated() -> Chunk {
    Chunk {
        decoded: 200,
        literals: b"abcdefgh".to_vec(),
        bitmaps: vec![0xff],
        nibbles: vec![0, 3, 15, 15, 5],
        ..Chunk::default()
    }
}

#[test]
fn an_operation_can_be_repeated() {
    assert_eq!(decode(200, &[repeated().bytes()]).unwrap(), b"abcdefgh".repeat(25));
}

/// As Apple's encoder does in a stream of libzbitmap's tests.
#[test]
fn repetitions_past_the_end_count_for_nothing() {
    let chunk = Chunk { nibbles: vec![0, 3, 15, 15, 9], decoded: 197, ..repeated() };
    assert_eq!(decode(197, &[chunk.bytes()]).unwrap(), b"abcdefgh".repeat(25)[..197]);
}

#[test]
fn distances_reach_into_earlier_chunks_and_overlap() {
    let mut chunk = Chunk { decoded: 20, distances: vec![3, 10, 0], nibbles: vec![3, 4, 5], ..Chunk::default() };
    chunk.literals = b"!".to_vec();
    // Entry 0: all from a new distance of one byte. 1: the first is a literal, two bytes of distance. 2: none new.
    chunk.table = 0x100 | 0x201 << 10;
    let expected = b"xyz0123456789789789!9789789789!97";
    let mut made = b"xyz0123456789".to_vec();
    made.extend_from_slice(b"78978978");
    made.push(b'!');
    for _ in 0..11 {
        made.push(made[made.len() - 10]);
    }
    assert_eq!(made.len(), expected.len());
    assert_eq!(decode(33, &[plain(b"xyz0123456789"), chunk.bytes()]).unwrap(), made);
}

#[test]
fn a_distance_before_the_block_is_an_error() {
    let chunk = Chunk { decoded: 8, nibbles: vec![3], ..Chunk::default() };
    assert_error(decode(15, &[plain(b"1234567"), chunk.bytes()]), 28 + 4 + 13, "one before its start");
    assert_eq!(decode(16, &[plain(b"12345678"), chunk.bytes()]).unwrap(), b"1234567812345678");
}

#[test]
fn damaged_chunks_are_errors() {
    let at = 28 + 4;
    let zero = Chunk { distances: vec![0], table: 0x100, nibbles: vec![3], decoded: 8, ..Chunk::default() };
    assert_error(decode(8, &[zero.bytes()]), at, "found 0");
    let three = Chunk { table: 0x300, ..repeated() };
    assert_error(decode(200, &[three.bytes()]), at, "found 3");
    let fifteen = Chunk { nibbles: vec![15], ..repeated() };
    assert_error(decode(200, &[fifteen.bytes()]), at, "a repetition of none");
    let no_literals = Chunk { literals: vec![], nibbles: vec![0; 60], bitmaps: vec![0xff; 60], ..repeated() };
    assert_error(decode(200, &[no_literals.bytes()]), at, "the end of the chunk");
    for offset in [6, 9, 12] {
        let mut bytes = repeated().bytes();
        let length = bytes[0];
        bytes[offset] = length;
        assert_error(decode(200, &[bytes]), at, "three offsets within the LZBITMAP chunk");
    }
    for length in 1..6 {
        assert_error(decode(8, &[vec![length, 0, 0, 2, 0, 0]]), at, "an LZBITMAP chunk of 6 bytes");
    }
    assert_error(decode(0x8001, &[plain(&[7; 0x8001])]), at, "decodes to at most 32768");
    assert_error(decode(8, &[vec![255, 0, 0, 8, 0, 0]]), at, "255 bytes of LZBITMAP chunk");
}

#[test]
fn chunks_of_more_or_less_than_declared_are_errors() {
    assert_error(decode(7, &[plain(b"1234567"), plain(b"1")]), 28 + 4 + 13, "a stream of more");
    assert_error(decode(9, &[plain(b"1234567"), plain(b"1")]), 28 + 4 + 13 + 7 + 6, "found a stream of 8");
    assert_error(decode_one(Codec::Lzbitmap, 7, b"ZBM\x08......"), 28, "found ZBM\\x08");
    assert_error(decode_one(Codec::Lzbitmap, 7, b"ZBM\x09\x06\0\0\0\0"), 32, "the end of the block");
}

#[test]
fn repetition_is_found_near_and_far() {
    let near = b"0123456789abcdef".repeat(4096);
    assert!(stream(Codec::Lzbitmap, &near).len() < near.len() / 100);
    let part = records(40_000);
    let far = part.repeat(3);
    assert!(stream(Codec::Lzbitmap, &far).len() < stream(Codec::Lzbitmap, &part).len() * 2);
}
