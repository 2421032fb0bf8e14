use std::num::NonZeroU32;

use super::super::unique::Unique;

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

#[test]
fn integers_and_short_strings_do_not_mix() {
    let mut unique = Unique::new();
    assert_eq!(unique.integer(0, number(1)), None);
    assert_eq!(unique.short_text(b"", number(2)), None);
    assert_eq!(unique.short_text(b"\0", number(3)), None);
    assert_eq!(unique.short_text(b"\0\0\0\0", number(4)), None);
    assert_eq!(unique.short_text(b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF", number(5)), None);
    assert_eq!(unique.integer(0, number(9)), Some(number(1)));
    assert_eq!(unique.short_text(b"", number(9)), Some(number(2)));
    assert_eq!(unique.short_text(b"\0", number(9)), Some(number(3)));
    assert_eq!(unique.short_text(b"\0\0\0\0", number(9)), Some(number(4)));
    assert_eq!(unique.short_text(b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF", number(9)), Some(number(5)));
}

#[test]
fn other_scalars_are_the_same_only_when_the_caller_says_so() {
    let mut unique = Unique::new();
    assert_eq!(unique.other(b"bytes", number(1), |_| true), None);
    assert_eq!(unique.other(b"bytes", number(2), |_| false), None);
    assert_eq!(unique.other(b"bytes", number(3), |found| found == number(2)), Some(number(2)));
    assert_eq!(unique.other(b"bytes", number(3), |_| true), Some(number(1)));
}

#[test]
fn nothing_is_lost_when_the_tables_grow() {
    let mut unique = Unique::new();
    for value in 1..20_000_u32 {
        assert_eq!(unique.integer(value.into(), number(value)), None);
        assert_eq!(unique.short_text(&value.to_be_bytes(), number(value)), None);
        assert_eq!(unique.other(&value.to_be_bytes(), number(value), |found| found == number(value)), None);
    }
    for value in 1..20_000_u32 {
        assert_eq!(unique.integer(value.into(), number(1)), Some(number(value)));
        assert_eq!(unique.short_text(&value.to_be_bytes(), number(1)), Some(number(value)));
        let same = |found| found == number(value);
        assert_eq!(unique.other(&value.to_be_bytes(), number(1), same), Some(number(value)));
    }
}

/// Keys that lie on a line in every way that breaks weak hashes: multiples of powers of two, and high bits only.
#[test]
fn regular_keys_are_found_in_few_steps() {
    let count = 40_000_u32;
    for shift in [0, 12, 14, 32, 47] {
        let mut unique = Unique::new();
        for index in 0..count {
            unique.integer((u64::from(index) << shift).cast_signed(), number(index + 1));
        }
        // Keys at random take under two each in a table that is five eighths full; keys that collide, thousands.
        let steps = unique.integer_steps() as f64 / f64::from(count);
        assert!((1.0..50.0).contains(&steps), "{shift}: {steps} steps for a key");
    }
}
