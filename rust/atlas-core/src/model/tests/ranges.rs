//! The index from addresses to images, against a plain search.

use proptest::prelude::*;

use super::super::RangeIndex;

type Range = (u64, u64, u32);

/// Of the ranges that hold the address the one that begins last, of several the first in the list.
fn search(ranges: &[Range], address: u64) -> Option<u32> {
    let mut best: Option<Range> = None;
    for &(start, size, image) in ranges {
        let holds = address >= start && address - start < size;
        if holds && best.is_none_or(|(other, ..)| start > other) {
            best = Some((start, size, image));
        }
    }
    best.map(|(.., image)| image)
}

/// Every way to look up `addresses`, in this order and sorted.
fn check(ranges: &[Range], addresses: &[u64]) {
    let index = RangeIndex::build(ranges.to_vec());
    let mut addresses = addresses.to_vec();
    for (start, size, _) in ranges {
        let end = start.wrapping_add(*size);
        addresses.extend([*start, start.wrapping_sub(1), end, end.wrapping_sub(1), start.wrapping_add(1)]);
    }
    addresses.extend([0, 1, u64::MAX, u64::MAX - 1, 1 << 63]);
    for _ in 0..2 {
        let mut found = vec![-7; addresses.len()];
        index.lookup(&addresses, &mut found);
        for (address, found) in addresses.iter().zip(found) {
            assert_eq!(index.at(*address), search(ranges, *address), "{address:#x} in {ranges:x?}");
            assert_eq!(found, index.at(*address).map_or(-1, |image| image as i32), "{address:#x} together");
        }
        addresses.sort_unstable();
    }
    assert!(index.len() <= 2 * ranges.len() && index.is_empty() == ranges.iter().all(|(_, size, _)| *size == 0));
}

#[test]
fn an_index_of_nothing() {
    check(&[], &[5]);
    check(&[(0, 0, 1), (u64::MAX, 0, 2)], &[]);
    let empty = RangeIndex::default();
    assert!(empty.is_empty() && empty.at(0).is_none() && empty.at(u64::MAX).is_none());
    let mut out = [5; 3];
    empty.lookup(&[0, 1, u64::MAX], &mut out);
    assert_eq!(out, [-1; 3]);
}

#[test]
fn both_ends_of_the_address_space() {
    check(&[(0, u64::MAX, 1)], &[]);
    check(&[(0, u64::MAX, 1), (u64::MAX, 1, 2)], &[]);
    check(&[(u64::MAX, u64::MAX, 3)], &[]);
    check(&[(u64::MAX - 5, 100, 3), (u64::MAX - 2, 2, 4), (0, 1, 5)], &[]);
    check(&[(1, u64::MAX, 1)], &[]);
    // A power of two, and one less and more, each reaching the end: the padding must not be taken for a range.
    for count in 1..20 {
        check(&(0..count).map(|n| (u64::MAX - 10 * n, 10, n as u32)).collect::<Vec<_>>(), &[]);
    }
}

#[test]
fn overlaps() {
    check(&[(0, 100, 1), (10, 20, 2), (15, 5, 3), (40, 100, 4), (130, 5, 5)], &[]);
    check(&[(10, 5, 1), (10, 50, 2), (10, 20, 3), (10, 60, 4)], &[]);
    check(&[(10, 60, 4), (10, 20, 3), (10, 50, 2), (10, 5, 1)], &[]);
    check(&[(10, 10, 1), (20, 10, 1), (30, 10, 2), (30, 0, 3), (35, 1, 1)], &[]);
    let adjoining = RangeIndex::build(vec![(10, 10, 1), (20, 10, 1)]);
    assert_eq!(adjoining.len(), 1, "what is one image's is one range");
}

#[test]
fn long_blocks_sorted_and_not() {
    let ranges: Vec<Range> = (0..700).map(|n| (n * 100, 60, n as u32)).collect();
    // More than two blocks; dense and sparse ones, so that sorted blocks take either way.
    let dense: Vec<u64> = (0..5000).collect();
    let sparse: Vec<u64> = (0..2100).map(|n| n * 33).collect();
    let far: Vec<u64> = (0..30).map(|n| n * 2333).collect();
    let mixed: Vec<u64> = (0..3000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 70_500).collect();
    for addresses in [&dense, &sparse, &far, &mixed] {
        check(&ranges, addresses);
    }
}

/// Near either end, or crowded in the middle.
fn address() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1000..1100_u64, 1 => 0..4_u64, 1 => (0..4_u64).prop_map(|n| u64::MAX - n), 1 => any::<u64>()]
}

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0..30_u64, 1 => Just(u64::MAX), 1 => any::<u64>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_ranges(
        ranges in proptest::collection::vec((address(), size(), 0..6_u32), 0..40),
        addresses in proptest::collection::vec(address(), 0..60),
    ) {
        check(&ranges, &addresses);
    }
}
