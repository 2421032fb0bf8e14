use std::num::NonZeroU32;
use std::time::Instant;

use super::super::Writer;
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

/// Keys that lie on a line in every way that breaks weak hashes: multiples of powers of two, high bits only, and long
/// strings that differ in one byte.
#[test]
fn regular_keys_take_no_longer_than_random_ones() {
    let count = 40_000_u64;
    let timed = |key: &dyn Fn(u64) -> i64| {
        let started = Instant::now();
        let mut writer = Writer::new();
        for index in 0..count {
            writer.integer(key(index));
        }
        started.elapsed()
    };
    let random = timed(&|index| (index.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (index << 17)).cast_signed());
    for shift in [0, 12, 14, 32, 47] {
        let regular = timed(&|index| (index << shift).cast_signed());
        assert!(regular < random * 20 + std::time::Duration::from_millis(200), "{shift}: {regular:?} to {random:?}");
    }
}
