use std::io::Write;

use lzma_rust2::{CheckType, FilterType, XzOptions, XzWriter};

use super::{assert_error, decode_one, records};
use crate::compress::Codec;

fn xz(data: &[u8], adjust: impl FnOnce(&mut XzOptions)) -> Vec<u8> {
    let mut options = XzOptions::with_preset(0);
    options.lzma_options.dict_size = 1 << 16;
    adjust(&mut options);
    let mut writer = XzWriter::new(Vec::new(), options).unwrap();
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

#[test]
fn every_check_is_read_and_checked() {
    let data = records(3000);
    for (check, size) in [(CheckType::None, 0), (CheckType::Crc32, 4), (CheckType::Crc64, 8), (CheckType::Sha256, 32)] {
        let mut stream = xz(&data, |options| options.set_check_sum_type(check));
        assert_eq!(decode_one(Codec::Lzma, 3000, &stream).unwrap(), data, "{check:?}");
        // Footer 12, index of one record with 16-bit sizes 12; the check stands before them.
        let at = stream.len() - 24 - 1;
        if size > 0 {
            stream[at] ^= 1;
            let error = decode_one(Codec::Lzma, 3000, &stream).unwrap_err();
            assert!(error.to_string().contains("checksum"), "{check:?}: {error}");
        }
    }
}

#[test]
fn several_blocks_and_a_filter_are_read() {
    let data = records(200_000);
    let stream = xz(&data, |options| {
        options.set_block_size(std::num::NonZero::new(70_000));
        options.prepend_pre_filter(FilterType::Delta, 4);
    });
    assert!(decode_one(Codec::Lzma, data.len(), &stream).unwrap() == data);
}

#[test]
fn two_streams_are_one_too_many() {
    let data = records(3000);
    let one = xz(&data, |_| {});
    let two = [one.as_slice(), &one].concat();
    let error = decode_one(Codec::Lzma, 6000, &two).unwrap_err();
    assert!(error.to_string().contains("6000 decoded bytes in block 0, found a stream of 3000"), "{error}");
    assert_error(decode_one(Codec::Lzma, 3000, &two), 28 + one.len(), "bytes after the stream");
}

/// The dictionary's size stands in the block header at 16, the header's CRC32 behind it.
fn with_dictionary(mut stream: Vec<u8>, size_code: u8) -> Vec<u8> {
    assert_eq!(stream[12..16], [2, 0, 0x21, 1]);
    stream[16] = size_code;
    let mut crc = flate2::Crc::new();
    crc.update(&stream[12..20]);
    stream[20..24].copy_from_slice(&crc.sum().to_le_bytes());
    stream
}

#[test]
fn the_declared_dictionary_is_bounded() {
    let data = records(3000);
    let stream = xz(&data, |_| {});
    // 64 MiB is `xz -9`.
    assert_eq!(decode_one(Codec::Lzma, 3000, &with_dictionary(stream.clone(), 28)).unwrap(), data);
    for code in [30, 39, 40] {
        assert_error(decode_one(Codec::Lzma, 3000, &with_dictionary(stream.clone(), code)), 28 + 24, "mem_limit");
    }
    assert!(decode_one(Codec::Lzma, 3000, &with_dictionary(stream, 41)).is_err());
}
