use super::{assert_error, container, decode_all};
use crate::compress::{Codec, decode, encode, is_container};
use crate::{ErrorKind, Limits};

const STORED: Codec = Codec::None;

#[test]
fn letters_and_names_lead_back() {
    for codec in Codec::ALL {
        assert_eq!(Codec::from_letter(codec.letter()), Some(codec));
        assert_eq!(Codec::from_name(codec.name()), Some(codec));
    }
    assert_eq!(Codec::from_letter(b'Z'), None);
    assert_eq!(Codec::from_name("xz"), None);
    let letters: Vec<u8> = Codec::ALL.into_iter().map(Codec::letter).collect();
    assert_eq!(letters, b"-zx4eb");
}

#[test]
fn a_container_is_known_by_its_magic() {
    assert!(is_container(b"pbze"));
    assert!(is_container(b"pbz?"));
    assert!(is_container(b"pbz"));
    assert!(!is_container(b"pb"));
    assert!(!is_container(b"AA01"));
}

#[test]
fn a_cut_or_unknown_header_is_an_error() {
    assert_error(decode_all(b""), 0, "found the end of the data");
    assert_error(decode_all(b"AA01"), 0, "found \"AA0\"");
    assert_error(decode_all(b"pbz"), 3, "found the end of the data");
    assert_error(decode_all(b"pbzq\0\0\0\0\0\0\0\0"), 3, "found \"q\"");
    assert_error(decode_all(b"pbze\0\0\0\0\0\0\0"), 4, "found 7 bytes");
}

#[test]
fn no_blocks_hold_no_bytes() {
    let decoded = decode_all(&container(STORED, &[])).unwrap();
    assert_eq!((decoded.blocks, decoded.bytes.len(), decoded.block_size), (0, 0, 4 << 20));
}

#[test]
fn stored_blocks_are_taken_as_they_are_for_every_codec() {
    for codec in Codec::ALL {
        let decoded = decode_all(&container(codec, &[(3, b"abc"), (0, b""), (4, b"defg")])).unwrap();
        assert_eq!((decoded.codec, decoded.blocks, decoded.bytes.as_slice()), (codec, 3, &b"abcdefg"[..]));
    }
}

#[test]
fn a_cut_block_names_its_number() {
    let whole = container(STORED, &[(3, b"abc"), (2, b"de")]);
    assert_eq!(whole.len(), 49);
    for size in 32..47 {
        assert_error(decode_all(&whole[..size]), 31, "16 bytes of header of block 1");
    }
    assert_error(decode_all(&whole[..48]), 47, "2 stored bytes of block 1, found 1 bytes");
}

#[test]
fn stored_sizes_that_wrap_are_an_error() {
    for stored in [u64::MAX, u64::MAX - 27, 1 << 63, u64::from(u32::MAX)] {
        let mut data = container(STORED, &[(4, b"abcd")]);
        data[20..28].copy_from_slice(&stored.to_be_bytes());
        assert_error(decode_all(&data), 28, &stored.to_string());
    }
}

#[test]
fn codec_none_has_stored_blocks_only() {
    assert_error(decode_all(&container(STORED, &[(3, b"abcd")])), 28, "in block 0, found 4");
}

#[test]
fn the_limit_holds_for_the_sum_and_before_anything_else() {
    let data = container(Codec::Zlib, &[(600, b"no zlib stream"), (500, b"neither")]);
    let limits = Limits { decoded_bytes: 1099, ..Limits::DEFAULT };
    let error = decode(&data, &limits).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Limit { what: "decoded bytes", limit: 1099, requested: 1100 }),
        "{error}"
    );
    // Where the block begins that is too much: after a header, the first block and its own header.
    assert_eq!(error.location().offset, Some(12 + 16 + 14 + 16));
    let limits = Limits { decoded_bytes: 1100, ..Limits::DEFAULT };
    assert!(matches!(decode(&data, &limits).unwrap_err().kind(), ErrorKind::Archive(_)));
}

#[test]
fn a_sum_that_wraps_is_the_largest_sum() {
    let data = container(Codec::Zlib, &[(u64::MAX, b"x"), (2, b"xyz")]);
    let error = decode(&data, &Limits::DEFAULT).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { requested: u64::MAX, .. }), "{error}");
}

#[test]
fn more_than_a_payload_can_yield_is_refused_unallocated() {
    // Without the check this would ask the system for 4 EiB and end the process.
    let limits = Limits { decoded_bytes: u64::MAX, ..Limits::DEFAULT };
    for codec in [Codec::Zlib, Codec::Lzma, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap] {
        let data = container(codec, &[(3, b"abc"), (1 << 62, b"four")]);
        assert_error(decode(&data, &limits), 47, "in block 1, found 4611686018427387904 declared");
    }
}

#[test]
fn blocks_larger_than_the_header_says_are_accepted() {
    let mut data = container(STORED, &[(5, b"abcde")]);
    data[4..12].copy_from_slice(&2_u64.to_be_bytes());
    let decoded = decode_all(&data).unwrap();
    assert_eq!((decoded.block_size, decoded.bytes.as_slice()), (2, &b"abcde"[..]));
}

#[test]
fn a_hundred_thousand_empty_blocks_take_no_time() {
    let data = container(Codec::Lzfse, &vec![(0, &b""[..]); 100_000]);
    let start = cpu_time::ThreadTime::now();
    assert_eq!(decode_all(&data).unwrap().blocks, 100_000);
    assert!(start.elapsed().as_secs() < 1);
}

#[test]
fn a_block_size_of_nothing_is_an_error() {
    assert_error(encode(b"abc", Codec::Zlib, 0), 0, "at least 1 byte");
}
