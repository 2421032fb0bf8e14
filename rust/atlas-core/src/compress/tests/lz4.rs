use super::{assert_error, decode_one};
use crate::compress::Codec;

fn frame(magic: &[u8; 4], sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
    [magic, sizes.as_slice(), data].concat()
}

fn decode(decoded_size: usize, frames: &[Vec<u8>]) -> crate::Result<Vec<u8>> {
    decode_one(Codec::Lz4, decoded_size, &frames.concat())
}

fn end() -> Vec<u8> {
    b"bv4$".to_vec()
}

#[test]
fn frames_of_both_kinds_follow_each_other() {
    let literals = frame(b"bv41", &[5, 6], b"\x50abcde");
    let frames = [frame(b"bv4-", &[3], b"xyz"), literals, frame(b"bv4-", &[0], b""), end()];
    assert_eq!(decode(8, &frames).unwrap(), b"xyzabcde");
}

/// No literals, a match of nine bytes three back: it begins in the frame before.
#[test]
fn a_frame_may_refer_into_the_frames_before_it() {
    let frames = [frame(b"bv4-", &[4], b"wxyz"), frame(b"bv41", &[14, 9], b"\x05\x03\x00\x50abcde"), end()];
    assert_eq!(decode(18, &frames).unwrap(), b"wxyzxyzxyzxyzabcde");
}

#[test]
fn a_frame_may_not_refer_before_the_block() {
    let frames = [frame(b"bv4-", &[4], b"wxyz"), frame(b"bv41", &[14, 9], b"\x05\x05\x00\x50abcde"), end()];
    assert_error(decode(18, &frames), 28 + 12, "not contained");
}

#[test]
fn a_frame_that_lies_about_its_size_is_an_error() {
    let short = [frame(b"bv41", &[6, 6], b"\x50abcde"), end()];
    assert_error(decode(6, &short), 28, "an LZ4 frame of 6 bytes in block 0, found 5");
    let long = [frame(b"bv41", &[4, 6], b"\x50abcde"), end()];
    assert_error(decode(4, &long), 28, "an LZ4 frame of 4 bytes in block 0");
}

#[test]
fn a_frame_that_leaves_the_block_is_an_error() {
    assert_error(decode(7, &[frame(b"bv4-", &[9], b"abc"), end()]), 28, "one that leaves it");
    assert_error(decode(7, &[frame(b"bv41", &[9, u32::MAX], b"abc"), end()]), 28, "one that leaves it");
    assert_error(decode(9, &[frame(b"bv41", &[u32::MAX, 3], b"abc"), end()]), 28, "a stream of more");
    assert_error(decode(3, &[frame(b"bv4-", &[2], b"ab"), frame(b"bv4-", &[2], b"ab")]), 28 + 10, "a stream of more");
}

#[test]
fn the_end_mark_must_be_there() {
    let plain = frame(b"bv4-", &[3], b"abc");
    assert_error(decode(3, std::slice::from_ref(&plain)), 28 + 11, "the end of the block after 3 of 3");
    assert_error(decode(3, &[plain.clone(), b"bv4".to_vec()]), 28 + 11, "the end of the block");
    assert_error(decode(4, &[plain, end()]), 28 + 11, "4 decoded bytes in block 0, found a stream of 3");
}

#[test]
fn an_unknown_frame_is_named() {
    assert_error(decode(3, &[b"\x04\x22\x4d\x18abc".to_vec()]), 28, "found \"\\x04\\\"M\\x18\"");
}
