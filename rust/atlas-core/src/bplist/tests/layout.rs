//! Every width and marker that the format has, also those that dyld never writes.

use super::*;

#[test]
fn offsets_and_references_of_every_width_from_1_to_8() {
    for offset_width in 1..=8 {
        for reference_width in 1..=8 {
            let mut array = vec![0xA2];
            for reference in [1_u64, 0] {
                array.extend(&reference.to_be_bytes()[8 - usize::from(reference_width)..]);
            }
            let mut raw = Raw::new(&[b"\x51a".as_slice(), b"\x10\x07", &array]);
            (raw.offset_width, raw.reference_width) = (offset_width, reference_width);
            let value = read(&raw.bytes()).unwrap();
            assert_eq!(*value, Value::Array(vec![integer(7), text("a")]), "{offset_width} {reference_width}");
        }
    }
}

#[test]
fn offsets_use_all_their_bytes() {
    for (width, filling) in [(2, 300), (3, 70_000)] {
        let mut raw = Raw::new(&[vec![0; filling], b"\x10\x07".to_vec()]);
        raw.offset_width = width;
        assert_eq!(*read(&raw.bytes()).unwrap(), Value::Integer(7));
    }
}

#[test]
fn integers_of_every_width() {
    let cases: [(&[u8], i128); 8] = [
        (b"\x10\xff", 255),
        (b"\x11\xff\xfe", 65534),
        (b"\x12\xff\xff\xff\xff", 0xFFFF_FFFF),
        (b"\x13\xff\xff\xff\xff\xff\xff\xff\xff", -1),
        (b"\x13\x7f\xff\xff\xff\xff\xff\xff\xff", i64::MAX as i128),
        (b"\x14\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", u64::MAX as i128),
        (b"\x14\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", i128::MIN),
        (b"\x14\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", -1),
    ];
    for (object, expected) in cases {
        assert_eq!(*read(&Raw::new(&[object]).bytes()).unwrap(), Value::Integer(expected), "{object:x?}");
    }
}

#[test]
fn scalars_of_every_kind() {
    let cases: [(&[u8], Value); 12] = [
        (b"\x00", Value::Null),
        (b"\x08", Value::Boolean(false)),
        (b"\x09", Value::Boolean(true)),
        (b"\x0f", Value::Data(Vec::new())),
        (b"\x22\x3f\xc0\0\0", Value::Real(1.5_f64.to_bits())),
        (b"\x23\x3f\xf8\0\0\0\0\0\0", Value::Real(1.5_f64.to_bits())),
        (b"\x33\xc0\0\0\0\0\0\0\0", Value::Date((-2.0_f64).to_bits())),
        (b"\x42\x01\x02", Value::Data(vec![1, 2])),
        (b"\x52\xc3\xa9", Value::Text("é".to_owned())),
        (b"\x61\x00\xe9", Value::Text("é".to_owned())),
        (b"\x82\x01\x00\x02", Value::Uid(0x10002)),
        (b"\x8f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Value::Uid(u128::MAX)),
    ];
    for (object, expected) in cases {
        assert_eq!(*read(&Raw::new(&[object]).bytes()).unwrap(), expected, "{object:x?}");
    }
}

#[test]
fn sets_are_read_as_arrays() {
    let value = read(&Raw::new(&[b"\x09".as_slice(), b"\xc1\0"]).bytes()).unwrap();
    assert_eq!(*value, Value::Array(vec![Value::Boolean(true).into()]));
}

#[test]
fn a_count_may_stand_in_more_bytes_than_it_needs() {
    for head in [b"\x4f\x10\x02".as_slice(), b"\x4f\x11\0\x02", b"\x4f\x12\0\0\0\x02", b"\x4f\x13\0\0\0\0\0\0\0\x02"] {
        let object = [head, b"ab"].concat();
        assert_eq!(*read(&Raw::new(&[object]).bytes()).unwrap(), Value::Data(b"ab".to_vec()), "{head:x?}");
    }
}

#[test]
fn unknown_markers_are_named() {
    let known = |marker: u8| {
        matches!(marker, 0x00 | 0x08 | 0x09 | 0x0f | 0x10..=0x14 | 0x22 | 0x23 | 0x33 | 0x40..=0x6f | 0x80..=0xaf)
            || matches!(marker, 0xc0..=0xdf)
    };
    for marker in (0..=255).filter(|marker| !known(*marker)) {
        let mut object = vec![marker];
        object.extend([0; 64]);
        let (offset, expected, found) = mismatch(&read(&Raw::new(&[object]).bytes()).unwrap_err());
        assert_eq!((offset, expected.as_str()), (8, "the marker of a known kind of object"));
        assert_eq!(found, format!("{marker:#04x}"));
    }
}

#[test]
fn an_object_that_is_cut_short_is_named() {
    let cases: [&[u8]; 14] = [
        b"\x10",
        b"\x11\0",
        b"\x13\0\0\0",
        b"\x14\0\0\0\0\0\0\0\0",
        b"\x22\0\0\0",
        b"\x23\0\0\0\0",
        b"\x33\0",
        b"\x42a",
        b"\x52a",
        b"\x62\0a\0",
        b"\x81\0",
        b"\xa2\0",
        b"\xc1",
        b"\xd1\0",
    ];
    for object in cases {
        // The offset table follows, so bytes are there; they are not the object's.
        let (offset, _, _) = mismatch(&read(&Raw::new(&[object]).bytes()).unwrap_err());
        assert_eq!(offset, 8, "{object:x?}");
    }
}
