//! The order of a list, against the two-way merge of dyld's own reader, word for word.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::schema::tests::records::{BASE, image, int};

/// An image: own address, preferred address. One of the two is there.
type Addresses = (Option<u64>, Option<u64>);

/// Few different ones, so that many are equal; some at the ends of the address space.
fn address() -> impl Strategy<Value = u64> {
    prop_oneof![8 => (0..12_u64).prop_map(|n| n * 0x1000), 1 => (0..4_u64).prop_map(|n| u64::MAX - n), 1 => any::<u64>()]
}

fn addresses() -> impl Strategy<Value = Addresses> {
    prop_oneof![
        address().prop_map(|preferred| (None, Some(preferred))),
        address().prop_map(|own| (Some(own), None)),
        (address(), address()).prop_map(|(own, preferred)| (Some(own), Some(preferred))),
    ]
}

fn list() -> impl Strategy<Value = Vec<Addresses>> {
    (proptest::collection::vec(addresses(), 0..24), any::<bool>()).prop_map(|(mut list, sorted)| {
        if sorted {
            list.sort_by_key(|(own, preferred)| own.or(*preferred));
        }
        list
    })
}

fn tree(number: u128, (own, preferred): Addresses) -> Tree {
    let segments = [("__TEXT", 0, 0x4000), ("__DATA", 0x5000, 0), ("__END", u64::MAX - 3, 0x10)];
    let mut tree = image(number, preferred.unwrap_or(0), &segments[..number as usize % 4]).without("padr");
    for (key, value) in [("addr", own), ("padr", preferred)] {
        if let Some(value) = value {
            tree = tree.with(key, int(value));
        }
    }
    tree
}

/// Where dyld's reader says that an image lies.
fn place((own, preferred): Addresses, slide: u64) -> u64 {
    own.unwrap_or_else(|| preferred.unwrap().wrapping_add(slide))
}

/// `mergeArraySorted` of dyld's reader.
fn merge(mut x: VecDeque<(u64, u128)>, mut y: VecDeque<(u64, u128)>) -> Vec<(u64, u128)> {
    let mut result = Vec::new();
    while !x.is_empty() && !y.is_empty() {
        let from = if x[0].0 < y[0].0 { &mut x } else { &mut y };
        result.push(from.pop_front().unwrap());
    }
    result.into_iter().chain(x).chain(y).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn own_images_and_those_of_the_cache(
        own in list(),
        cache in list(),
        bitmap in proptest::collection::vec(any::<u8>(), 0..5),
        slide in prop_oneof![Just(0), Just(0x1000), Just(0x1000_u64.wrapping_neg()), any::<u64>()],
    ) {
        let trees = |list: &[Addresses], from: u128| {
            list.iter().zip(from..).map(|(addresses, number)| tree(number, *addresses)).collect::<Vec<_>>()
        };
        let snapshot = snapshot(trees(&own, 0), trees(&cache, 1000), &bitmap, slide);
        let x = own.iter().zip(0..).map(|(addresses, number)| (place(*addresses, slide), number)).collect();
        let bit = |index: usize| bitmap.get(index / 8).is_some_and(|byte| byte & 1 << (index % 8) != 0);
        let used = |from: u128| {
            let used = cache.iter().zip(from..).enumerate().filter(|(index, _)| bit(*index));
            used.map(|(_, (addresses, number))| (place(*addresses, slide), number)).collect::<VecDeque<_>>()
        };
        let expected = merge(x, used(1000));

        let images = snapshot.images();
        prop_assert_eq!(images.len(), expected.len(), "without columns");
        let columns = images.columns();
        let found: Vec<_> =
            columns.address.iter().zip(&columns.uuid).map(|(at, uuid)| (*at, u128::from_be_bytes(*uuid))).collect();
        prop_assert_eq!(&found, &expected);
        consistent(images);
        for (index, (_, number)) in expected.iter().enumerate() {
            let (addresses, in_record) = match number.checked_sub(1000) {
                Some(place) => (cache[place as usize], Some(place as u32)),
                None => (own[*number as usize], None),
            };
            prop_assert_eq!(images.cache_index(index), in_record);
            prop_assert_eq!(images.is_in_cache(index), addresses.0.is_none(), "{:?}", addresses);
            prop_assert_eq!(columns.preferred_load_address[index], addresses.1.unwrap_or(0));
        }
        // The list of the cache alone has all of its images.
        let whole = Arc::new(ImageSet::of_cache(Arc::clone(snapshot.shared_cache().unwrap())));
        prop_assert_eq!(whole.len(), cache.len());
        consistent(&whole);
    }

    /// The bits of a process mean the images of the record, those that were dropped included.
    #[test]
    fn bits_of_a_record_with_broken_images(broken in any::<u32>(), bitmap in proptest::collection::vec(any::<u8>(), 0..5)) {
        let sound = |n: usize| broken >> n & 1 == 0;
        let trees = (0..32).map(|n| if sound(n) { image(n as u128, BASE + 0x1000 * n as u64, &[]) } else { Tree::True });
        let process = records::process(vec![]).with("dsc1", records::reference(0x40, &bitmap));
        let snapshot = open_with(&process, Some(&records::cache(trees.collect())), true);
        let used = |n: usize| bitmap.get(n / 8).is_some_and(|byte| byte >> (n % 8) & 1 == 1);
        let expected: Vec<u128> = (0..32).filter(|&n| sound(n) && used(n)).map(|n| n as u128).collect();
        let found: Vec<u128> = snapshot.images().columns().uuid.iter().map(|uuid| u128::from_be_bytes(*uuid)).collect();
        prop_assert_eq!(snapshot.images().len(), expected.len());
        prop_assert_eq!(found, expected);
        consistent(snapshot.images());
    }
}
