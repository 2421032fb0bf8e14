//! Every subtype, fields in odd orders and numbers, extended attributes.

use super::{attribute, blob, file, number_of, open, record, said, text};
use crate::archive::{FieldValue, Key};

#[test]
fn every_subtype_has_its_value() {
    let bytes = record(
        &[
            b"FLA*",
            b"Z011\x7f",
            b"Z022\x34\x12",
            b"Z044\xef\xbe\xad\xde",
            b"Z088\xef\xcd\xab\x89\x67\x45\x23\x01",
            &text(b"STR", b"\xff\0x"),
            &text(b"ST0", b""),
            b"HAFF1234",
            &[b"HAGG".as_slice(), &[1; 20]].concat(),
            &[b"HAHH".as_slice(), &[2; 32]].concat(),
            &[b"HAII".as_slice(), &[3; 48]].concat(),
            &[b"HAJJ".as_slice(), &[4; 64]].concat(),
            b"TIMS\xff\xff\xff\xff\xff\xff\xff\xff",
            b"TINT\x02\0\0\0\0\0\0\0\xff\xff\xff\xff",
            b"BLAA\x02\0",
            b"BLBB\x01\0\0\0",
            b"BLCC\x03\0\0\0\0\0\0\0",
            b"\xff\x00 1\x05",
        ],
        b"aabccc",
    );
    let header = bytes.len() - 6;
    let archive = open(bytes);
    let entry = archive.entry(0).unwrap();
    let expected = [
        FieldValue::Flag,
        FieldValue::Unsigned(0x7f),
        FieldValue::Unsigned(0x1234),
        FieldValue::Unsigned(0xdead_beef),
        FieldValue::Unsigned(0x0123_4567_89ab_cdef),
        FieldValue::Text(b"\xff\0x"),
        FieldValue::Text(b""),
        FieldValue::Digest(b"1234"),
        FieldValue::Digest(&[1; 20]),
        FieldValue::Digest(&[2; 32]),
        FieldValue::Digest(&[3; 48]),
        FieldValue::Digest(&[4; 64]),
        FieldValue::Time { seconds: -1, nanoseconds: 0 },
        FieldValue::Time { seconds: 2, nanoseconds: u32::MAX },
        FieldValue::Blob { size: 2, offset: header },
        FieldValue::Blob { size: 1, offset: header + 2 },
        FieldValue::Blob { size: 3, offset: header + 3 },
        FieldValue::Unsigned(5),
    ];
    assert!(entry.fields().map(|(_, value)| value).eq(expected));
    let blobs: Vec<_> = entry.fields().filter_map(|(_, value)| entry.blob(value)).map(|bytes| bytes.to_vec()).collect();
    assert_eq!(blobs, [b"aa".as_slice(), b"b", b"ccc"]);
    let last = entry.raw_fields().last().unwrap();
    assert_eq!((last.key, last.subtype, last.key.to_string().as_str()), (Key([0xff, 0, b' ']), b'1', "\\xff\\x00 "));
    assert_eq!((entry.kind(), entry.path(), entry.path_text().as_str()), (None, None, "entry 0"));
}

#[test]
fn payloads_follow_the_order_of_their_fields() {
    let xat = attribute(b"n", b"v");
    let fields = [blob(b"XAT", xat.len() as u16), text(b"PAT", b"p"), blob(b"DAT", 2), b"TYP8F\0\0\0\0\0\0\0".to_vec()];
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    let archive = open(record(&fields, &[xat.as_slice(), b"hi"].concat()));
    let entry = archive.find("p").unwrap();
    assert_eq!(&entry.data()[..], b"hi");
    assert!(
        entry
            .extended_attributes()
            .unwrap()
            .map(|found| (found.name, found.value))
            .eq([(b"n".as_slice(), b"v".as_slice())])
    );
}

#[test]
fn the_first_of_a_repeated_key_counts_and_every_blob_takes_room() {
    let fields =
        [&b"TYP1F"[..], b"TYP1L", &text(b"PAT", b"a"), &text(b"PAT", b"b"), &blob(b"DAT", 1), &blob(b"DAT", 2)];
    let archive = open([record(&fields, b"xyz"), file("c", b"!")].concat());
    assert_eq!(&archive.find("a").unwrap().data()[..], b"x");
    assert!(archive.find("b").is_none());
    assert_eq!(&archive.find("c").unwrap().data()[..], b"!");
    assert_eq!(archive.entry(0).unwrap().fields().count(), 6);
}

#[test]
fn a_key_of_the_wrong_type_is_as_if_absent() {
    let fields = [&text(b"TYP", b"F"), &b"PAT1\x05"[..], b"DAT2\x01\0", &text(b"LNK", b"t"), &blob(b"LNK", 1)];
    let archive = open([record(&fields, b"!"), file("c", b"")].concat());
    let entry = archive.entry(0).unwrap();
    assert_eq!((entry.kind(), entry.path(), entry.size()), (None, None, 0));
    assert_eq!(entry.link_target(), Some(b"t".as_slice()));
    assert!(archive.find("c").is_some());
    // One of the right type after it does count; a type that is no letter does not.
    let archive = open(record(&[b"TYP2\x46\x01", b"TYP1F", b"PAT1\x05", &text(b"PAT", b"p")], b""));
    assert_eq!(archive.find("p").unwrap().kind(), Some(b'F'));
}

#[test]
fn records_without_fields_are_entries() {
    let archive = open([record(&[], b""), file("x", b"!"), b"YAA1\x06\0".to_vec()].concat());
    assert_eq!(archive.len(), 3);
    assert!(archive.entries().map(|entry| entry.magic()).eq([*b"AA01", *b"AA01", *b"YAA1"]));
    assert_eq!(archive.entries().rev().map(|entry| entry.fields().count()).collect::<Vec<_>>(), [0, 3, 0]);
    assert_eq!(number_of(&archive, "x"), Some(1));
    assert!(archive.entry(3).is_none());
}

#[test]
fn malformed_attributes_stop_themselves_only() {
    let cases: [(&[u8], u64, &str); 7] = [
        (b"\0\0\0\0", 0, "a size of 0"),
        (b"\x03\0\0\0", 0, "a size of 3"),
        (b"\x04\0\0\0", 0, "no NUL"),
        (b"\x07\0\0\0a\0", 0, "a size of 7"),
        (b"\x06\0\0\0ab", 0, "no NUL"),
        (b"\x01\x02", 0, "2 bytes"),
        (b"\x06\0\0\0a\0\xff\xff\xff\xff", 6, "a size of 4294967295"),
    ];
    for (xat, at, expected) in cases {
        let header = record(&[b"TYP1F", &text(b"PAT", b"p"), &blob(b"XAT", xat.len() as u16)], b"");
        let archive = open([header.clone(), xat.to_vec(), file("q", b"")].concat());
        let error = archive.entry(0).unwrap().extended_attributes().unwrap_err();
        assert_eq!(error.location().entry.as_deref(), Some("p"));
        let (offset, _, found) = said(&error);
        assert_eq!((offset, found), (header.len() as u64 + at, expected));
        assert!(archive.find("q").is_some());
    }
    let archive = open(file("p", b""));
    assert_eq!(archive.entry(0).unwrap().extended_attributes().unwrap().count(), 0);
    let empty_name_and_value = record(&[&blob(b"XAT", 5)], b"\x05\0\0\0\0");
    assert_eq!(open(empty_name_and_value).entry(0).unwrap().extended_attributes().unwrap().count(), 1);
}
