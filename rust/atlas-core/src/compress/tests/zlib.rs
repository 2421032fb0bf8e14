use flate2::{Compress, Compression, FlushCompress};

use super::{assert_error, decode_one, records, stream};
use crate::compress::Codec;

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(data.len() + 64);
    Compress::new(Compression::new(5), false).compress_vec(data, &mut stream, FlushCompress::Finish).unwrap();
    stream
}

#[test]
fn level_five_is_what_apple_writes() {
    assert_eq!(stream(Codec::Zlib, &records(1000))[..2], [0x78, 0x5e]);
}

#[test]
fn raw_deflate_is_read_too() {
    let data = records(2000);
    assert_eq!(decode_one(Codec::Zlib, 2000, &raw_deflate(&data)).unwrap(), data);
}

/// A stored block of raw deflate begins with the byte 0x78 where its padding is so chosen; then the length's low byte
/// can make the two a zlib header.
#[test]
fn raw_deflate_that_looks_like_zlib_is_read() {
    let size = (1..=255_u16).find(|low| (0x7800 + low) % 31 == 0).unwrap();
    let data = records(size.into());
    let mut stream = vec![0x78];
    stream.extend_from_slice(&size.to_le_bytes());
    stream.extend_from_slice(&(!size).to_le_bytes());
    stream.extend_from_slice(&data);
    stream.extend_from_slice(&[3, 0]);
    assert_eq!(decode_one(Codec::Zlib, data.len(), &stream).unwrap(), data);
}

#[test]
fn a_wrong_checksum_is_an_error_at_its_place() {
    let data = records(2000);
    let mut stream = stream(Codec::Zlib, &data);
    let end = stream.len();
    stream[end - 1] ^= 1;
    assert_error(decode_one(Codec::Zlib, 2000, &stream), 28 + end, "incorrect data check");
}

#[test]
fn a_preset_dictionary_is_an_error() {
    assert!(decode_one(Codec::Zlib, 5, &[0x78, 0xf9, 1, 2, 3, 4, 5, 6]).is_err());
}
