use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use super::super::{Object, Text};

#[test]
fn marked_ascii_is_read_as_utf8() {
    assert_eq!(Text::Ascii(b"prot").as_str(), Some("prot"));
    assert_eq!(Text::Ascii("é".as_bytes()).decode().as_deref(), Some("é"));
    assert!(Text::Ascii(b"prot").units().is_none());
}

#[test]
fn bytes_that_are_no_text_survive() {
    let text = Text::Ascii(b"pabc\xC3");
    assert_eq!(text.as_str(), None);
    assert_eq!(text.decode(), None);
    assert_eq!(text.decode_lossy(), "pabc\u{FFFD}");
    assert_eq!(text.payload(), b"pabc\xC3");
}

#[test]
fn utf16_is_big_endian() {
    let text = Text::Utf16(&[0, b'a', 0xD8, 0x34, 0xDD, 0x1E]);
    assert_eq!(text.decode().as_deref(), Some("a𝄞"));
    assert_eq!(text.decode_lossy(), "a𝄞");
    assert_eq!(text.as_str(), None);
    assert_eq!(text.units().unwrap().len(), 3);
}

#[test]
fn lone_surrogates_survive() {
    for units in [[0x70, 0xD800], [0xDC00, 0x6B], [0xDC00, 0xD800]] {
        let bytes: Vec<u8> = units.iter().flat_map(|unit: &u16| unit.to_be_bytes()).collect();
        let text = Text::Utf16(&bytes);
        assert_eq!(text.decode(), None);
        assert_eq!(text.units().unwrap().collect::<Vec<_>>(), units);
        assert!(text.decode_lossy().contains('\u{FFFD}'));
    }
}

#[test]
fn only_strings_are_text() {
    assert!(Object::Ascii(b"a").text().is_some());
    assert!(Object::Utf16(b"\0a").text().is_some());
    assert!(Object::Data(b"a").text().is_none());
    assert!(Object::Null.text().is_none());
}

/// Equal is what is the same text, or the same bytes; and what is equal has one hash.
#[test]
fn equality_is_by_content() {
    let hash = |text: Text<'_>| BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
    let different = [
        Text::Ascii(b""),
        Text::Ascii(b"/a"),
        Text::Ascii("/\u{e9}".as_bytes()),
        Text::Ascii("/\u{fffd}".as_bytes()),
        Text::Ascii("/\u{1f600}".as_bytes()),
        Text::Ascii(b"/\xff"),
        Text::Ascii(b"/\xfe"),
        Text::Utf16(b"\0/\xd8\0"),
        Text::Utf16(b"\0/\xdc\x01"),
        Text::Utf16(b"\0/\xde\0\xd8\x3d"),
    ];
    for (i, a) in different.iter().enumerate() {
        for (j, b) in different.iter().enumerate() {
            assert_eq!((a == b, hash(*a) == hash(*b)), (i == j, i == j), "{a:?} {b:?}");
            assert_eq!(a.to_bytes() == b.to_bytes(), i == j);
        }
        let Some(text) = a.as_str() else { continue };
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!((Text::Utf16(&units), hash(Text::Utf16(&units))), (*a, hash(*a)));
        assert_eq!(Text::Utf16(&units).to_bytes(), text.as_bytes());
    }
    assert_eq!(&*Text::Utf16(b"\0/\xd8\x01").to_bytes(), b"/\xed\xa0\x81", "as UTF-8 would have it");
    assert_eq!(&*Text::Utf16(b"\xdf\xff").to_bytes(), b"\xed\xbf\xbf");
}
