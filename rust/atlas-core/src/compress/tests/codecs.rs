//! What holds for every codec.

use proptest::prelude::*;

use super::{assert_error, container, decode_all, decode_one, records, stream};
use crate::compress::{Codec, DEFAULT_BLOCK_SIZE, encode};

const COMPRESSING: [Codec; 5] = [Codec::Zlib, Codec::Lzma, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap];

#[test]
fn every_size_around_a_block_comes_back() {
    for codec in Codec::ALL {
        for size in [0, 1, 2, 7, 8, 9, 4095, 4096, 4097, 8191, 8192, 8193, 0x7fff, 0x8000, 0x8001, 100_000] {
            let data = records(size);
            let written = encode(&data, codec, 4096).unwrap();
            let decoded = decode_all(&written).unwrap();
            assert!(decoded.bytes == data, "{codec:?} {size}");
            assert_eq!((decoded.blocks, decoded.block_size), (size.div_ceil(4096), 4096));
        }
    }
}

#[test]
fn each_codec_makes_records_smaller() {
    let data = records(1 << 20);
    for codec in COMPRESSING {
        let written = encode(&data, codec, DEFAULT_BLOCK_SIZE).unwrap();
        assert!(written.len() < data.len() * 2 / 3, "{codec:?}: {} of {}", written.len(), data.len());
    }
}

#[test]
fn what_does_not_become_smaller_is_stored() {
    let mut random = super::Random(7);
    let noise: Vec<u8> = (0..3000).map(|_| random.next() as u8).collect();
    for codec in Codec::ALL {
        let written = encode(&noise, codec, 2000).unwrap();
        assert_eq!(written.len(), 12 + 16 + 2000 + 16 + 1000, "{codec:?}");
        assert_eq!(written[12..20], written[20..28], "{codec:?}");
    }
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let data = records(3 << 20);
    for codec in [Codec::Zlib, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap] {
        let first = encode(&data, codec, 256 << 10).unwrap();
        assert!(first == encode(&data, codec, 256 << 10).unwrap(), "{codec:?}");
    }
}

#[test]
fn bytes_after_the_stream_are_an_error() {
    let data = records(3000);
    for codec in COMPRESSING {
        let mut stream = stream(codec, &data);
        let end = stream.len();
        stream.extend_from_slice(b"abc");
        let result = decode_one(codec, data.len(), &stream);
        assert_error(result, 28 + end, "the end of the block in block 0, found 3 bytes after the stream");
    }
}

#[test]
fn a_cut_stream_is_an_error_wherever_it_is_cut() {
    let data = records(700);
    for codec in COMPRESSING {
        let stream = stream(codec, &data);
        for size in 0..stream.len() {
            assert!(decode_one(codec, data.len(), &stream[..size]).is_err(), "{codec:?} {size}");
        }
    }
}

#[test]
fn a_stream_of_fewer_or_more_bytes_than_declared_is_an_error() {
    let data = records(3000);
    for codec in COMPRESSING {
        let stream = stream(codec, &data);
        assert!(decode_one(codec, 3000, &stream).unwrap() == data);
        for (declared, says) in [(3001, "3001 decoded bytes in block 0"), (2999, "2999 decoded bytes in block 0")] {
            let error = decode_one(codec, declared, &stream).unwrap_err();
            assert!(error.to_string().contains(says), "{codec:?}: {error}");
        }
        assert!(decode_one(codec, 0, &stream).is_err(), "{codec:?}");
    }
}

#[test]
fn a_stream_of_no_bytes_is_a_block_of_no_bytes() {
    let empty: [(Codec, &[u8]); 4] = [
        (Codec::Zlib, &[0x78, 0x5e, 3, 0, 0, 0, 0, 1]),
        (Codec::Lz4, b"bv4$"),
        (Codec::Lzfse, b"bvx$"),
        (Codec::Lzbitmap, b"ZBM\x09\x06\0\0\0\0\0"),
    ];
    for (codec, stream) in empty {
        assert_eq!(decode_one(codec, 0, stream).unwrap(), b"", "{codec:?}");
    }
}

/// The payload of `pbzx` must be a stream even where another codec's would fit.
#[test]
fn a_stream_of_another_codec_is_an_error() {
    let data = records(3000);
    for codec in COMPRESSING {
        for other in COMPRESSING.into_iter().filter(|other| *other != codec) {
            let error = decode_one(other, data.len(), &stream(codec, &data)).unwrap_err();
            assert!(error.to_string().contains("in block 0"), "{codec:?} as {other:?}: {error}");
        }
    }
}

#[test]
fn the_first_bad_block_is_named_whoever_finds_it() {
    let data = records(4 << 20);
    for codec in [Codec::Zlib, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap] {
        let good = stream(codec, &data[..512 << 10]);
        let mut bad = good.clone();
        bad.truncate(good.len() / 2);
        let size = 512 << 10;
        let mut blocks = vec![(size, good.as_slice()); 8];
        blocks[3].1 = &bad;
        blocks[4].1 = b"not a stream of any codec, and quickly found not to be one, being short; 512 KiB cannot come of \
            it: the second of two bad blocks must not be the one that is named, though it is found much sooner than the \
            first. So it is made long enough to be plausible. ";
        let long = blocks[4].1.repeat(16);
        blocks[4].1 = &long;
        let container = container(codec, &blocks);
        for _ in 0..5 {
            let error = decode_all(&container).unwrap_err();
            assert!(error.to_string().contains("block 3,"), "{codec:?}: {error}");
        }
    }
}

fn any_data() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        (any::<u8>(), 0..400_usize).prop_map(|(byte, count)| vec![byte; count]),
        (proptest::collection::vec(any::<u8>(), 1..12), 1..60_usize).prop_map(|(unit, count)| unit.repeat(count)),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_data_comes_back(data in any_data(), block_size in 1..5000_usize) {
        for codec in Codec::ALL {
            let written = encode(&data, codec, block_size.max(data.len() / 64)).unwrap();
            let decoded = decode_all(&written).unwrap();
            prop_assert!(decoded.bytes == data, "{:?}", codec);
        }
    }
}
