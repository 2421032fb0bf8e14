use super::super::Writer;
use super::*;

fn scalar(write: impl FnOnce(&mut Writer) -> Reference) -> Vec<u8> {
    let mut writer = Writer::new();
    let top = write(&mut writer);
    let bytes = writer.finish(top).unwrap();
    // Header, object, one offset, trailer.
    bytes[8..bytes.len() - 33].to_vec()
}

#[test]
fn an_integer_takes_the_fewest_bytes_that_leave_its_sign_clear() {
    let cases: [(i128, &[u8]); 14] = [
        (0, &[0x10, 0]),
        (127, &[0x10, 0x7F]),
        (128, &[0x11, 0, 0x80]),
        (0x7FFF, &[0x11, 0x7F, 0xFF]),
        (0x8000, &[0x12, 0, 0, 0x80, 0]),
        (0x7FFF_FFFF, &[0x12, 0x7F, 0xFF, 0xFF, 0xFF]),
        (0x8000_0000, &[0x13, 0, 0, 0, 0, 0x80, 0, 0, 0]),
        (i64::MAX.into(), &[0x13, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
        (1 << 63, &[0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (u64::MAX.into(), &[0x14, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]),
        (-1, &[0x13, 255, 255, 255, 255, 255, 255, 255, 255]),
        (i64::MIN.into(), &[0x13, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (-(1 << 63) - 1, &[0x14, 255, 255, 255, 255, 255, 255, 255, 255, 0x7F, 255, 255, 255, 255, 255, 255, 255]),
        (i128::MIN, &[0x14, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (value, expected) in cases {
        assert_eq!(scalar(|writer| writer.integer(value)), expected, "{value}");
    }
}

#[test]
fn scalars_have_their_markers() {
    assert_eq!(scalar(Writer::null), [0x00]);
    assert_eq!(scalar(|writer| writer.boolean(false)), [0x08]);
    assert_eq!(scalar(|writer| writer.boolean(true)), [0x09]);
    assert_eq!(scalar(|writer| writer.real(1.5)), [0x23, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]);
    assert_eq!(scalar(|writer| writer.date(-2.0)), [0x33, 0xC0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(scalar(|writer| writer.data(&[1, 2])), [0x42, 1, 2]);
    assert_eq!(scalar(|writer| writer.text("prot")), *b"\x54prot");
    assert_eq!(scalar(|writer| writer.text("")), [0x50]);
    assert_eq!(scalar(|writer| writer.text("aé")), [0x62, 0, b'a', 0, 0xE9]);
    assert_eq!(scalar(|writer| writer.text("𝄞")), [0x62, 0xD8, 0x34, 0xDD, 0x1E]);
    assert_eq!(scalar(|writer| writer.utf16(&[0xD800])), [0x61, 0xD8, 0]);
    assert_eq!(scalar(|writer| writer.marked_ascii(&[0xC3])), [0x51, 0xC3]);
    assert_eq!(scalar(|writer| writer.array(&[])), [0xA0]);
    assert_eq!(scalar(|writer| writer.dictionary(&[])), [0xD0]);
}

#[test]
fn a_uid_takes_1_2_4_or_8_bytes() {
    assert_eq!(scalar(|writer| writer.uid(255)), [0x80, 255]);
    assert_eq!(scalar(|writer| writer.uid(256)), [0x81, 1, 0]);
    assert_eq!(scalar(|writer| writer.uid(65536)), [0x83, 0, 1, 0, 0]);
    assert_eq!(scalar(|writer| writer.uid(1 << 32)), [0x87, 0, 0, 0, 1, 0, 0, 0, 0]);
}

/// The rule of dyld's encoder, by its own output for these counts.
#[test]
fn counts_are_written_as_dyld_writes_them() {
    let heads: [(usize, &[u8], &[u8]); 9] = [
        (14, &[0x4E], &[0x5E]),
        (15, &[0x4F, 0x10, 15], &[0x5F, 0x10, 15]),
        (127, &[0x4F, 0x10, 127], &[0x5F, 0x10, 127]),
        (200, &[0x4F, 0x10, 200], &[0x5F, 0x11, 0, 200]),
        (256, &[0x4F, 0x11, 1, 0], &[0x5F, 0x11, 1, 0]),
        (32767, &[0x4F, 0x11, 127, 255], &[0x5F, 0x11, 127, 255]),
        (40000, &[0x4F, 0x11, 0x9C, 0x40], &[0x5F, 0x12, 0, 0, 0x9C, 0x40]),
        (65535, &[0x4F, 0x11, 255, 255], &[0x5F, 0x12, 0, 0, 255, 255]),
        (65536, &[0x4F, 0x12, 0, 1, 0, 0], &[0x5F, 0x12, 0, 1, 0, 0]),
    ];
    for (count, data_head, text_head) in heads {
        let payload = vec![b'x'; count];
        let data = scalar_of(count, |writer| writer.data(&payload));
        assert_eq!(data, data_head, "data of {count}");
        let text = scalar_of(count, |writer| writer.marked_ascii(&payload));
        assert_eq!(text, text_head, "text of {count}");
    }
    let mut writer = Writer::new();
    let one = writer.integer(1);
    let array = writer.array(&[one; 200]);
    let key = writer.text("k");
    let dictionary = writer.dictionary(&[(key, array); 200]);
    let bytes = writer.finish(dictionary).unwrap();
    assert_eq!(bytes[12..][..4], [0xAF, 0x10, 200, 0]);
    assert_eq!(bytes[12 + 203..][..5], [0xDF, 0x11, 0, 200, 2]);
}

/// The bytes before a payload of `count` bytes.
fn scalar_of(count: usize, write: impl FnOnce(&mut Writer) -> Reference) -> Vec<u8> {
    let mut writer = Writer::new();
    let top = write(&mut writer);
    let list = Plist::parse(Bytes::from(writer.finish(top).unwrap())).unwrap();
    let object = &list.bytes()[8..list.view().area_end()];
    object[..object.len() - count].to_vec()
}

#[test]
fn scalars_are_uniqued_and_collections_are_not() {
    let mut writer = Writer::new();
    assert_eq!(writer.text("name"), writer.text("name"));
    assert_eq!(writer.text("a longer string"), writer.text("a longer string"));
    assert_eq!(writer.text("é"), writer.utf16(&[0xE9]));
    assert_eq!(writer.utf16(&[0x61, 0x62]), writer.text("ab"));
    assert_eq!(writer.marked_ascii(b"ab"), writer.text("ab"));
    assert_eq!(writer.integer(5), writer.integer(5_u64));
    assert_eq!(writer.integer(u64::MAX), writer.integer(u64::MAX));
    assert_eq!(writer.data(b"ab"), writer.data(b"ab"));
    assert_eq!(writer.real(f64::NAN), writer.real(f64::NAN));
    assert_eq!(writer.boolean(true), writer.boolean(true));
    assert_eq!(writer.null(), writer.null());

    assert_ne!(writer.array(&[]), writer.array(&[]));
    assert_ne!(writer.dictionary(&[]), writer.dictionary(&[]));

    let different = [
        writer.text("ab"),
        writer.data(b"ab"),
        writer.text("ab\0"),
        writer.text("ab\0\0\0\0\0"),
        writer.text("ab\0\0\0\0\0\0"),
        writer.text("ab\0\0\0\0\0\0\0"),
        writer.integer(0x6261),
        writer.integer(1),
        writer.integer(u64::MAX),
        writer.integer(-1),
        writer.uid(1),
        writer.boolean(true),
        writer.real(1.0),
        writer.date(1.0),
        writer.real(0.0),
        writer.real(-0.0),
        writer.utf16(&[0xD800]),
        writer.utf16(&[0xD800, 0]),
    ];
    for (index, one) in different.iter().enumerate() {
        for other in &different[index + 1..] {
            assert_ne!(one, other);
        }
    }
}

#[test]
fn widths_follow_the_number_of_objects_and_the_size() {
    let widths = |objects: u32, filling: usize| {
        let mut writer = Writer::new();
        writer.data(&vec![1; filling]);
        let items: Vec<_> = (0..objects - 2).map(|number| writer.integer(number)).collect();
        let top = writer.array(&items);
        let list = Plist::parse(Bytes::from(writer.finish(top).unwrap())).unwrap();
        assert_eq!(list.view().object_count(), objects);
        (list.view().reference_width(), list.view().offset_width())
    };
    assert_eq!(widths(2, 1), (1, 1));
    assert_eq!(widths(255, 0), (1, 2));
    assert_eq!(widths(256, 0), (2, 2));
    assert_eq!(widths(65535, 0), (2, 4));
    assert_eq!(widths(65536, 0), (4, 4));
    // Header 8, data with its count 3 + n, empty array 1: the table at 255 has offsets of one byte, at 256 of two.
    assert_eq!(widths(2, 243), (1, 1));
    assert_eq!(widths(2, 244), (1, 2));
}

#[test]
fn a_shared_collection_is_written_once() {
    let mut writer = Writer::new();
    let key = writer.text("k");
    let shared = writer.dictionary(&[(key, key)]);
    let top = writer.array(&[shared, shared]);
    let value = read(&writer.finish(top).unwrap()).unwrap();
    let Value::Array(items) = &*value else { panic!("{value:?}") };
    assert!(Rc::ptr_eq(&items[0], &items[1]));
}

#[test]
fn keys_may_repeat() {
    let mut writer = Writer::new();
    let (key, one, two) = (writer.text("snme"), writer.text("1"), writer.text("2"));
    let top = writer.dictionary(&[(key, one), (key, two)]);
    let value = read(&writer.finish(top).unwrap()).unwrap();
    assert_eq!(*value, Value::Dictionary(vec![(text("snme"), text("1")), (text("snme"), text("2"))]));
}

#[test]
fn a_reference_of_another_writer_is_refused() {
    let mut other = Writer::new();
    other.null();
    let foreign = other.integer(1);

    let mut writer = Writer::new();
    let own = writer.array(&[]);
    writer.array(&[own, foreign]);
    let error = writer.finish(own).unwrap_err();
    assert_eq!(mismatch(&error).2, "a reference to object 1");

    let mut writer = Writer::new();
    let own = writer.text("k");
    let top = writer.dictionary(&[(own, foreign)]);
    assert!(writer.finish(top).is_err());

    let mut writer = Writer::new();
    writer.null();
    assert!(writer.finish(foreign).is_err());
    assert!(Writer::new().finish(foreign).is_err());
}

#[test]
fn no_more_objects_than_references_can_name() {
    for add in [
        (|writer| writer.integer(9)) as fn(&mut Writer) -> Reference,
        |writer| writer.text("k"),
        |writer| writer.null(),
        |writer| writer.array(&[]),
    ] {
        let mut writer = Writer::with_most_objects(2);
        let (top, _) = (writer.array(&[]), writer.array(&[]));
        add(&mut writer);
        let error = writer.finish(top).unwrap_err();
        assert!(matches!(error.kind(), crate::ErrorKind::Limit { limit: 2, requested: 3, .. }), "{error}");
    }
}
