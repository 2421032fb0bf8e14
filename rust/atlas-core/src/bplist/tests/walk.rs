use super::*;

/// `depth` arrays, each in the one before; the innermost is empty.
fn nested(depth: usize) -> Vec<u8> {
    let mut objects: Vec<Vec<u8>> = vec![vec![0xA0]];
    for inner in 0..depth - 1 {
        objects.push([&[0xA1], (inner as u32).to_be_bytes().as_slice()].concat());
    }
    let mut raw = Raw::new(&objects);
    raw.reference_width = 4;
    raw.bytes()
}

fn count(bytes: Vec<u8>, limits: &Limits) -> Result<Count> {
    let list = Plist::parse(Bytes::from(bytes))?;
    let mut count = Count::default();
    build(list.view(), limits, &mut count).map(|()| count)
}

fn limit(error: &Error) -> (&'static str, u64, u64) {
    match error.kind() {
        crate::ErrorKind::Limit { what, limit, requested } => (what, *limit, *requested),
        other => panic!("not a limit: {other:?}"),
    }
}

#[test]
fn keys_and_values_come_in_file_order() {
    let raw = Raw::new(&[b"\x51b".as_slice(), b"\x51a", b"\x10\x01", b"\xa1\x02", b"\xd3\0\x01\0\x02\x03\x03"]);
    let (b, a, one) = (text("b"), text("a"), integer(1));
    let inner: Handle = Value::Array(vec![one.clone()]).into();
    let value = read(&raw.bytes()).unwrap();
    assert_eq!(*value, Value::Dictionary(vec![(b.clone(), one), (a, inner.clone()), (b, inner)]));
}

#[test]
fn an_object_is_made_once_however_often_it_is_meant() {
    let raw = Raw::new(&[b"\x51k".as_slice(), b"\xa2\0\0", b"\xd1\0\x01", b"\xa3\x01\x02\x01"]);
    let value = read(&raw.bytes()).unwrap();
    let Value::Array(items) = &*value else { panic!("{value:?}") };
    assert!(Rc::ptr_eq(&items[0], &items[2]));
    let Value::Dictionary(pairs) = &*items[1] else { panic!("{value:?}") };
    assert!(Rc::ptr_eq(&pairs[0].1, &items[0]));

    let made = count(raw.bytes(), &Limits::DEFAULT).unwrap();
    assert_eq!((made.scalars, made.collections, made.items), (1, 3, 7));
}

#[test]
fn objects_that_nothing_refers_to_are_not_read() {
    let raw = Raw::new(&[b"\x77".as_slice(), b"\xa0"]);
    assert_eq!(*read(&raw.bytes()).unwrap(), Value::Array(Vec::new()));
}

#[test]
fn the_top_may_be_an_object_that_no_reference_can_name() {
    let objects: Vec<Vec<u8>> = (0..300).map(|_| vec![0x08]).chain([vec![0xA1, 7]]).collect();
    let value = read(&Raw::new(&objects).bytes()).unwrap();
    assert_eq!(*value, Value::Array(vec![Value::Boolean(false).into()]));
}

#[test]
fn nesting_is_limited_to_the_level() {
    for depth in [1, 2, 512] {
        assert_eq!(count(nested(depth), &Limits::DEFAULT).unwrap().collections, depth);
    }
    let error = count(nested(513), &Limits::DEFAULT).err().unwrap();
    assert_eq!(limit(&error), ("nesting", 512, 513));
    assert!(error.location().offset.is_some());

    let shallow = Limits { depth: 0, ..Limits::DEFAULT };
    assert!(count(Raw::new(&[b"\x08"]).bytes(), &shallow).is_ok());
    assert_eq!(limit(&count(nested(1), &shallow).err().unwrap()), ("nesting", 0, 1));
}

#[test]
fn a_hundred_thousand_levels_need_no_stack() {
    let deep = Limits { depth: u32::MAX, ..Limits::DEFAULT };
    assert_eq!(count(nested(100_000), &deep).unwrap().collections, 100_000);
    assert_eq!(limit(&count(nested(100_000), &Limits::DEFAULT).err().unwrap()), ("nesting", 512, 513));
}

/// The root names all arrays, innermost first: the walk is never deeper than two levels, what it makes is.
#[test]
fn depth_that_comes_from_sharing_counts() {
    let shared = |levels: u16| {
        let mut objects: Vec<Vec<u8>> = vec![vec![0xA0]];
        for inner in 0..levels - 2 {
            objects.push([&[0xA1], inner.to_be_bytes().as_slice()].concat());
        }
        let all: Vec<u8> = (0..levels - 1).flat_map(u16::to_be_bytes).collect();
        objects.push([&[0xAF, 0x11], (levels - 1).to_be_bytes().as_slice(), &all].concat());
        let mut raw = Raw::new(&objects);
        raw.reference_width = 2;
        raw.bytes()
    };
    assert_eq!(count(shared(512), &Limits::DEFAULT).unwrap().collections, 512);
    assert_eq!(limit(&count(shared(513), &Limits::DEFAULT).err().unwrap()), ("nesting", 512, 513));
}

#[test]
fn text_and_data_are_limited_together_and_counted_once() {
    let raw = Raw::new(&[b"\x43abc".as_slice(), b"\x52de", b"\x61\0f", b"\xa4\0\x01\x02\0"]);
    let limits = |decoded_bytes| Limits { decoded_bytes, ..Limits::DEFAULT };
    assert!(count(raw.bytes(), &limits(7)).is_ok());
    let error = count(raw.bytes(), &limits(6)).err().unwrap();
    assert_eq!(limit(&error), ("text and data of a property list", 6, 7));
    assert_eq!(error.location().offset, Some(8 + 4 + 3));
}

#[test]
fn keys_are_strings() {
    let keys: [(&[u8], &str); 4] =
        [(b"\x10\x01", "integer"), (b"\xa0", "array"), (b"\xd0", "dictionary"), (b"\0", "null")];
    for (key, kind) in keys {
        let fresh = Raw::new(&[key, b"\xd1\0\0"]);
        let known = Raw::new(&[key, b"\x51k", b"\xd1\0\x01", b"\xa2\0\x02"]);
        for raw in [fresh, known] {
            let error = read(&raw.bytes()).unwrap_err();
            assert_eq!(mismatch(&error), (8, "a string as the key of a dictionary".to_owned(), kind.to_owned()));
        }
    }
}

/// A caller's own error, as that of a Python object that cannot be made.
#[test]
fn an_error_of_the_builder_ends_the_walk() {
    #[derive(Debug)]
    enum Mine {
        Refused,
        List,
    }
    impl From<Error> for Mine {
        fn from(_: Error) -> Self {
            Self::List
        }
    }
    struct Refuses;
    impl Build for Refuses {
        type Value = ();
        type Error = Mine;
        fn null(&mut self) -> Made<Self> {
            Ok(())
        }
        fn boolean(&mut self, _: bool) -> Made<Self> {
            Err(Mine::Refused)
        }
        fn integer(&mut self, _: Integer) -> Made<Self> {
            Ok(())
        }
        fn real(&mut self, _: f64) -> Made<Self> {
            Ok(())
        }
        fn date(&mut self, _: f64) -> Made<Self> {
            Ok(())
        }
        fn data(&mut self, _: &[u8]) -> Made<Self> {
            Ok(())
        }
        fn text(&mut self, _: Text<'_>) -> Made<Self> {
            Ok(())
        }
        fn uid(&mut self, _: u128) -> Made<Self> {
            Ok(())
        }
        fn array(&mut self, _: &[()]) -> Made<Self> {
            Err(Mine::Refused)
        }
        fn dictionary(&mut self, _: &[()], _: &[()]) -> Made<Self> {
            Err(Mine::Refused)
        }
    }
    let walked = |objects: &[&[u8]]| {
        let list = Plist::parse(Bytes::from(Raw::new(objects).bytes())).unwrap();
        build(list.view(), &Limits::DEFAULT, &mut Refuses)
    };
    assert!(walked(&[b"\0"]).is_ok());
    assert!(matches!(walked(&[b"\x08"]), Err(Mine::Refused)));
    assert!(matches!(walked(&[b"\xa0"]), Err(Mine::Refused)));
    assert!(matches!(walked(&[b"\xd0"]), Err(Mine::Refused)));
    assert!(matches!(walked(&[b"\x77"]), Err(Mine::List)));
}

/// One by one: what cannot be made is no hindrance, and its stand-in is what others see.
#[test]
fn values_one_by_one() {
    // The last one is there for its length: that of the whole list is what may be spent.
    let objects: [&[u8]; 7] =
        [b"\xa2\x01\x02", b"\x51a", b"\x77", b"\xa2\x01\x05", b"\xa2\x01\x04", b"\xa1\x02", b"\x5efourteen bytes."];
    let list = Plist::parse(Bytes::from(Raw::new(&objects).bytes())).unwrap();
    let mut tree = Tree;
    let mut values = Values::new(list.view(), &Limits::DEFAULT, &mut tree).unwrap();
    let text = |text: &str| Rc::new(Value::Text(text.to_owned()));
    assert_eq!(values.make(1).unwrap(), text("a"));
    // Twice: what was begun and failed can be begun again.
    for _ in 0..2 {
        assert_eq!(mismatch(&values.make(0).unwrap_err()).0, mismatch(&values.make(2).unwrap_err()).0);
    }
    assert_eq!(mismatch(&values.make(4).unwrap_err()).1, "no collection within itself");
    values.stand_in(2, text("bad"));
    assert_eq!(values.make(2).unwrap(), text("bad"));
    let inner = Rc::new(Value::Array(vec![text("bad")]));
    assert_eq!(values.make(3).unwrap(), Rc::new(Value::Array(vec![text("a"), inner])));
    assert_eq!(values.make(1).unwrap(), text("a"));
    assert!(values.make(7).is_err(), "there is no such object");
}

/// Failing again and again costs no more than the list has to give.
#[test]
fn values_that_fail_are_paid_for() {
    let long = [&[0xaf, 0x10, 100][..], &[1; 99], &[2]].concat();
    let objects: [&[u8]; 3] = [&long, b"\x51a", b"\x77"];
    let list = Plist::parse(Bytes::from(Raw::new(&objects).bytes())).unwrap();
    let mut tree = Tree;
    let mut values = Values::new(list.view(), &Limits::DEFAULT, &mut tree).unwrap();
    assert!(mismatch(&values.make(0).unwrap_err()).1.contains("marker"));
    assert!(mismatch(&values.make(0).unwrap_err()).1.contains("overlap"));
}
