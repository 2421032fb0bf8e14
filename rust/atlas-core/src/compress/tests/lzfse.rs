use super::{assert_error, decode_one, records, stream};
use crate::compress::Codec;

/// `bvx-` blocks with these bytes, and the end mark.
fn raw(parts: &[&[u8]]) -> Vec<u8> {
    let mut stream = Vec::new();
    for part in parts {
        stream.extend_from_slice(b"bvx-");
        stream.extend_from_slice(&(part.len() as u32).to_le_bytes());
        stream.extend_from_slice(part);
    }
    stream.extend_from_slice(b"bvx$");
    stream
}

#[test]
fn raw_blocks_follow_each_other() {
    assert_eq!(decode_one(Codec::Lzfse, 5, &raw(&[b"ab", b"", b"cde"])).unwrap(), b"abcde");
}

#[test]
fn the_blocks_must_declare_what_the_container_declares() {
    let says = "4 decoded bytes in block 0, found an LZFSE stream whose blocks declare";
    assert_error(decode_one(Codec::Lzfse, 4, &raw(&[b"ab", b"cde"])), 28, says);
    assert_error(decode_one(Codec::Lzfse, 4, &raw(&[b"ab", b"c"])), 28, says);
}

#[test]
fn a_block_that_yields_more_than_it_declares_is_an_error() {
    let data = records(1000);
    let mut stream = stream(Codec::Lzfse, &data);
    assert_eq!(stream[..4], *b"bvxn");
    // A raw block before, and one byte less declared by the LZVN block.
    stream[4..8].copy_from_slice(&999_u32.to_le_bytes());
    let stream = [&raw(&[b"ab"])[..10], &stream].concat();
    assert_error(decode_one(Codec::Lzfse, 1001, &stream), 28, "an LZFSE stream in block 0");
}

#[test]
fn a_block_that_leaves_the_stream_is_an_error() {
    let mut stream = raw(&[b"ab", b"cde"]);
    stream[14..18].copy_from_slice(&8_u32.to_le_bytes());
    assert_error(decode_one(Codec::Lzfse, 10, &stream), 28 + 10, "16 bytes of LZFSE block");
    stream[14..18].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_error(decode_one(Codec::Lzfse, 10, &stream), 28 + 10, "4294967303 bytes of LZFSE block");
}

#[test]
fn headers_of_no_length_end_the_walk() {
    // `bvx2` declares the size of its own header: 0 here, for as many blocks as fit.
    let stream = [&b"bvx2\0\0\0\0"[..], &[0; 24]].concat().repeat(2000);
    assert!(decode_one(Codec::Lzfse, 10, &stream).is_err());
    let stream = b"bvx2".repeat(20_000);
    assert!(decode_one(Codec::Lzfse, 10, &stream).is_err());
}

#[test]
fn an_unknown_block_is_named() {
    assert_error(decode_one(Codec::Lzfse, 10, b"bvxqabcdefgh"), 28, "found \"bvxq\" and 12 bytes in all");
}

/// A `bvxn` block of literals only, at most 271 to an operation.
fn lzvn(data: &[u8]) -> Vec<u8> {
    let mut operations = Vec::new();
    for literals in data.chunks(271) {
        match literals.len().checked_sub(16) {
            Some(more) => operations.extend_from_slice(&[0xe0, more as u8]),
            None => operations.push(0xe0 | literals.len() as u8),
        }
        operations.extend_from_slice(literals);
    }
    operations.extend_from_slice(&[6, 0, 0, 0, 0, 0, 0, 0]);
    let sizes = [data.len() as u32, operations.len() as u32];
    let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
    [b"bvxn", sizes.as_slice(), &operations].concat()
}

/// Larger than any that Apple's encoder makes, and ending at each place near where the library's ring decoder pauses.
#[test]
fn lzvn_blocks_of_any_size_are_read() {
    let data = records(131_600);
    for size in (1..600).chain(65_000..66_000).chain([131_072, 131_100, 131_343, 131_344, 131_345, 131_600]) {
        let data = &data[..size];
        let stream = [lzvn(data), raw(&[b"and more"])].concat();
        let expected = [data, b"and more"].concat();
        assert!(decode_one(Codec::Lzfse, expected.len(), &stream).unwrap() == expected, "{size}");
    }
}
