//! Worked examples, byte for byte: five records and two containers.

use super::{open, said};
use crate::archive::{Checksum, FieldValue, Key, Verdict, cksum};
use crate::bytes::Bytes;
use crate::compress::Codec;
use crate::limits::Limits;

const LINK: &str = "
    41 41 30 31 2c 00 54 59 50 31 4c 50 41 54 50 09
    00 6e 2f 61 2e 70 6c 69 73 74 4c 4e 4b 50 0c 00
    2e 2e 2f 75 2f 62 2e 70 6c 69 73 74";
const CKSUM: &str = "
    41 41 30 31 2c 00 54 59 50 31 46 50 41 54 50 0d
    00 70 72 6f 63 65 73 73 2e 70 6c 69 73 74 44 41
    54 41 03 00 43 4b 53 46 4a 33 35 58 68 69 0a";
const STAMP: &str = "
    41 41 30 31 2a 00 54 59 50 31 46 50 41 54 50 0d
    00 70 72 6f 63 65 73 73 2e 70 6c 69 73 74 44 41
    54 41 03 00 58 41 54 41 22 00 68 69 0a 22 00 00
    00 63 6f 6d 2e 61 70 70 6c 65 2e 64 79 6c 64 2e
    63 72 63 33 32 63 00 4f 00 00 00 3d f7 35 1f";
const DIRECTORY: &str = "
    41 41 30 31 27 00 54 59 50 31 44 50 41 54 50 00
    00 4d 4f 44 32 ed 01 4d 54 4d 54 c1 d0 5c 65 00
    00 00 00 9f 84 c8 22";

fn hexadecimal(dump: &str) -> Vec<u8> {
    dump.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

#[test]
fn a_symbolic_link() {
    let archive = open(hexadecimal(LINK));
    let entry = archive.entry(0).unwrap();
    assert_eq!((archive.len(), entry.header_size(), entry.end_offset()), (1, 44, 44));
    assert_eq!((entry.kind(), entry.path()), (Some(b'L'), Some(b"n/a.plist".as_slice())));
    assert_eq!(entry.link_target(), Some(b"../u/b.plist".as_slice()));
    assert_eq!((entry.data().len(), entry.size(), entry.data_offset()), (0, 0, 44));
    assert_eq!(entry.checksum(), Checksum::None);
    assert!(archive.find("n/a.plist").is_none(), "its target is not here");
}

#[test]
fn a_file_with_a_posix_checksum() {
    let archive = open(hexadecimal(CKSUM));
    let entry = archive.find("process.plist").unwrap();
    assert_eq!((&entry.data()[..], entry.data_offset(), entry.size()), (b"hi\n".as_slice(), 0x2c, 3));
    assert_eq!(cksum(b"hi\n"), 1_479_881_546);
    assert!(entry.fields().any(|field| field == (Key::CKS, FieldValue::Digest(&[0x4a, 0x33, 0x35, 0x58]))));
    assert_eq!((entry.checksum(), archive.checksum()), (Checksum::Ok, Checksum::Ok));
    archive.verify().unwrap();
}

#[test]
fn a_file_with_a_crc_32c_stamp() {
    let bytes = hexadecimal(STAMP);
    assert_eq!(crc32c::crc32c(&bytes), 0x4867_4bc7, "what a whole span always gives");
    let archive = open(bytes);
    let entry = archive.find("process.plist").unwrap();
    assert_eq!(&entry.data()[..], b"hi\n");
    let attributes: Vec<_> = entry.extended_attributes().unwrap().collect();
    assert_eq!(attributes.len(), 1);
    assert_eq!((attributes[0].name, attributes[0].value_offset), (b"com.apple.dyld.crc32c".as_slice(), 0x47));
    let [span] = archive.spans() else { panic!() };
    assert_eq!((span.start, span.end, span.entries.clone(), span.verdict), (0, 79, 0..1, Verdict::Right));
    assert_eq!((entry.checksum(), archive.checksum()), (Checksum::Ok, Checksum::Ok));
    archive.verify().unwrap();
}

#[test]
fn a_directory_as_apple_writes_it() {
    let archive = open(hexadecimal(DIRECTORY));
    let entry = archive.entry(0).unwrap();
    assert_eq!((entry.kind(), entry.path()), (Some(b'D'), Some(b"".as_slice())));
    let time = FieldValue::Time { seconds: 0x655c_d0c1, nanoseconds: 0x22c8_849f };
    assert!(entry.fields().eq([
        (Key::TYP, FieldValue::Unsigned(u64::from(b'D'))),
        (Key::PAT, FieldValue::Text(b"")),
        (Key(*b"MOD"), FieldValue::Unsigned(0o755)),
        (Key(*b"MTM"), time),
    ]));
    assert!(archive.find("").is_none(), "a directory has no data to find");
}

#[test]
fn one_stream_of_all_four() {
    let archive = open(hexadecimal(&[LINK, CKSUM, STAMP, DIRECTORY].concat()));
    assert!(archive.entries().map(|entry| entry.header_offset()).eq([0, 44, 91, 170]));
    assert_eq!(archive.find("process.plist").unwrap().index(), 1, "the first of a path");
    // The stamp's length is that of its own record, but the span begins with the first.
    assert_eq!(archive.spans()[0].verdict, Verdict::WrongLength { stored: 79 });
    assert!(archive.entries().map(|entry| entry.checksum()).eq([
        Checksum::Bad,
        Checksum::Bad,
        Checksum::Bad,
        Checksum::None
    ]));
}

#[test]
fn a_container_of_stored_bytes() {
    let stream = hexadecimal(STAMP);
    let mut container =
        hexadecimal("70 62 7a 65 00 00 00 00 00 40 00 00 00 00 00 00 00 00 00 4f 00 00 00 00 00 00 00 4f");
    container.extend(&stream);
    let archive = open(container);
    assert_eq!((archive.codec(), &archive.decoded()[..]), (Some(Codec::Lzfse), stream.as_slice()));
    assert_eq!(&archive.find("process.plist").unwrap().data()[..], b"hi\n");
}

#[test]
fn the_head_of_a_container_without_its_blocks() {
    let head = "70 62 7a 65 00 00 00 00 00 40 00 00 00 00 00 00 00 26 3f 44 00 00 00 00 00 09 a7 fb 62 76 78 32";
    let error = crate::archive::Archive::from_bytes(Bytes::from(hexadecimal(head)), &Limits::DEFAULT).unwrap_err();
    let (_, _, found) = said(&error);
    assert!(!found.is_empty());
}
