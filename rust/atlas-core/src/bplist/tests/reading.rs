use super::super::{Object, View};
use super::*;

fn with_top<T>(bytes: Vec<u8>, look: impl FnOnce(View<'_>, Object<'_>) -> T) -> T {
    let list = Plist::parse(Bytes::from(bytes)).unwrap();
    let view = list.view();
    look(view, view.object(view.top()).unwrap())
}

#[test]
fn of_a_repeated_key_the_first_is_found() {
    let raw = Raw::new(&[b"\x54snme".as_slice(), b"\x10\x01", b"\x10\x02", b"\xd2\0\0\x01\x02"]);
    with_top(raw.bytes(), |view, top| {
        let Object::Dictionary(pairs) = top else { panic!("{top:?}") };
        assert_eq!(pairs.get("snme").unwrap(), Some(1));
        assert_eq!(pairs.get("suid").unwrap(), None);
        assert_eq!(pairs.iter().map(Result::unwrap).collect::<Vec<_>>(), [(0, 1), (0, 2)]);
        assert!(matches!(view.object(2).unwrap(), Object::Integer(Integer(2))));
    });
}

#[test]
fn a_key_is_found_in_either_encoding() {
    let raw = Raw::new(&[b"\x62\0a\0b".as_slice(), b"\x52cd", b"\xd2\0\x01\x01\0"]);
    with_top(raw.bytes(), |_, top| {
        let Object::Dictionary(pairs) = top else { panic!("{top:?}") };
        assert_eq!(pairs.get("ab").unwrap(), Some(1));
        assert_eq!(pairs.get("cd").unwrap(), Some(0));
        assert_eq!(pairs.get("abc").unwrap(), None);
        assert_eq!(pairs.get("").unwrap(), None);
    });
}

#[test]
fn a_key_that_cannot_be_read_is_an_error_only_when_it_is_reached() {
    let raw = Raw::new(&[b"\x52ab".as_slice(), b"\x77", b"\xd2\0\x01\0\0"]);
    with_top(raw.bytes(), |_, top| {
        let Object::Dictionary(pairs) = top else { panic!("{top:?}") };
        assert_eq!(pairs.get("ab").unwrap(), Some(0));
        assert_eq!(mismatch(&pairs.get("zz").unwrap_err()).0, 8 + 3);
    });
}

#[test]
fn references_are_checked_against_the_number_of_objects_and_the_end() {
    let raw = Raw::new(&[b"\xa2\0\x02"]);
    with_top(raw.bytes(), |_, top| {
        let Object::Array(references) = top else { panic!("{top:?}") };
        assert_eq!((references.len(), references.is_empty(), references.offset()), (2, false, 9));
        assert_eq!(references.get(0).unwrap(), 0);
        let (offset, _, found) = mismatch(&references.get(1).unwrap_err());
        assert_eq!((offset, found.as_str()), (10, "2"));
        for outside in [2, usize::MAX] {
            assert_eq!(mismatch(&references.get(outside).unwrap_err()).2, "nothing");
        }
    });
}

#[test]
fn an_integer_gives_its_bits_or_nothing() {
    assert_eq!(Integer(-1).bits(), Some(u64::MAX));
    assert_eq!(Integer(u64::MAX.into()).bits(), Some(u64::MAX));
    assert_eq!(Integer(1 << 64).bits(), None);
    assert_eq!(Integer(i128::from(i64::MIN) - 1).bits(), None);
    assert_eq!(Integer(-1).unsigned(), None);
    assert_eq!(Integer(7).unsigned(), Some(7));
}
