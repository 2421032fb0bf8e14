use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i128>().prop_map(Value::Integer),
        any::<i64>().prop_map(|value| Value::Integer(value.into())),
        (0_u32..127).prop_map(|bit| Value::Integer((1 << bit) - 1)),
        any::<u64>().prop_map(Value::Real),
        any::<u64>().prop_map(Value::Date),
        vec(any::<u8>(), 0..40).prop_map(Value::Data),
        any::<String>().prop_map(Value::Text),
        "[ -~]{0,20}".prop_map(Value::Text),
        vec(any::<u16>(), 0..20).prop_map(|units| match String::from_utf16(&units) {
            Ok(text) => Value::Text(text),
            Err(_) => Value::Units(units),
        }),
        vec(any::<u8>(), 0..20).prop_map(|bytes| match String::from_utf8(bytes) {
            Ok(text) => Value::Text(text),
            Err(error) => Value::Marked(error.into_bytes()),
        }),
        any::<u64>().prop_map(|value| Value::Uid(value.into())),
    ]
}

fn keys() -> impl Strategy<Value = Handle> {
    prop_oneof!["[a-z]{4}", any::<String>()].prop_map(|key| text(&key))
}

fn values() -> impl Strategy<Value = Value> {
    scalars().prop_recursive(6, 400, 20, |inner| {
        let inner = inner.prop_map(Handle::new);
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::Array),
            vec((keys(), inner), 0..20).prop_map(Value::Dictionary),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(value in values()) {
        prop_assert_eq!(&*read(&written(&value)).unwrap(), &value);
    }

    #[test]
    fn writing_is_a_function_of_what_is_written(value in values()) {
        prop_assert_eq!(written(&value), written(&value));
    }

    #[test]
    fn what_is_read_is_written_no_larger(value in values()) {
        let bytes = written(&value);
        prop_assert_eq!(written(&read(&bytes).unwrap()), bytes);
    }
}

/// Every count at which the form of a count, a reference or an offset changes.
#[test]
fn sizes_around_every_boundary() {
    for boundary in [0_usize, 15, 128, 256, 32768, 65536] {
        for count in boundary.saturating_sub(1)..=boundary + 1 {
            for value in [
                Value::Data(vec![7; count]),
                Value::Text("x".repeat(count)),
                Value::Text("é".repeat(count)),
                Value::Marked([vec![b'x'; count], vec![0xFF]].concat()),
                Value::Array((0..count).map(|item| integer(item as i128)).collect()),
                Value::Dictionary((0..count).map(|item| (text(&item.to_string()), integer(item as i128))).collect()),
            ] {
                assert!(*read(&written(&value)).unwrap() == value, "{count}");
            }
        }
    }
}
