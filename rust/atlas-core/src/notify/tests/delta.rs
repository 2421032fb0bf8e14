//! The difference of two snapshots of one process, against that of two multisets.

use std::collections::BTreeMap;
use std::time::Duration;

use cpu_time::ThreadTime;
use proptest::prelude::*;

use super::snapshots::{CACHED, Loads, key, keys, snapshot};
use crate::model::{Image, Snapshot};
use crate::notify::change::{ChangeKind, News};
use crate::notify::delta::delta;

type Keys = Vec<(u128, u64)>;

fn minus(a: &Keys, b: &Keys) -> Keys {
    let mut counts = BTreeMap::new();
    b.iter().for_each(|key| *counts.entry(*key).or_insert(0_usize) += 1);
    let mut left = Vec::new();
    for key in a {
        match counts.get_mut(key) {
            Some(count) if *count > 0 => *count -= 1,
            _ => left.push(*key),
        }
    }
    left.sort_unstable();
    left
}

fn sorted(images: &[Image]) -> Keys {
    let mut keys: Keys = images.iter().map(key).collect();
    keys.sort_unstable();
    keys
}

fn check(old: &Snapshot, new: &Snapshot) {
    let (gone, come) = delta(old, new);
    assert_eq!(sorted(&gone), minus(&keys(old), &keys(new)), "unloaded");
    assert_eq!(sorted(&come), minus(&keys(new), &keys(old)), "loaded");
    assert!(gone.is_sorted_by_key(Image::index) && come.is_sorted_by_key(Image::index));
    assert!(gone.iter().all(|image| std::ptr::eq(&raw const **image.set(), &raw const **old.images())));
    assert!(come.iter().all(|image| std::ptr::eq(&raw const **image.set(), &raw const **new.images())));
}

fn loads() -> impl Strategy<Value = Loads> {
    // Few numbers and addresses, so that the same image comes twice, moves, and changes its place in the list.
    let own = proptest::collection::vec((0..6_u8, (0..6_u64).prop_map(|n| n * 0x1_0000)), 0..12);
    let bitmap = prop_oneof![
        1 => Just(vec![]),
        6 => proptest::collection::vec(any::<u8>(), 1..CACHED / 8 + 3),
    ];
    (own, bitmap, prop_oneof![4 => Just(0), 1 => Just(0x4000_u64)]).prop_map(|(own, bitmap, slide)| Loads {
        own,
        bitmap,
        slide,
    })
}

#[derive(Clone, Debug)]
enum Edit {
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Bit(prop::sample::Index),
    Slide,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<prop::sample::Index>(), 0..9_u8).prop_map(|(at, number)| Edit::Insert(at, number)),
        any::<prop::sample::Index>().prop_map(Edit::Remove),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(a, b)| Edit::Swap(a, b)),
        any::<prop::sample::Index>().prop_map(Edit::Bit),
        any::<prop::sample::Index>().prop_map(Edit::Bit),
        Just(Edit::Slide),
    ]
}

fn apply(loads: &mut Loads, edit: &Edit) {
    let own = &mut loads.own;
    match edit {
        Edit::Insert(at, number) => own.insert(at.index(own.len() + 1), (*number, 0x1_0000 * u64::from(*number))),
        Edit::Remove(at) if !own.is_empty() => drop(own.remove(at.index(own.len()))),
        Edit::Swap(a, b) if !own.is_empty() => {
            let (a, b) = (a.index(own.len()), b.index(own.len()));
            own.swap(a, b);
        }
        Edit::Bit(at) if !loads.bitmap.is_empty() => {
            let bit = at.index(8 * loads.bitmap.len());
            loads.bitmap[bit / 8] ^= 1 << (bit % 8);
        }
        Edit::Slide => loads.slide ^= 0x8000,
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_any_two_snapshots(old in loads(), new in loads()) {
        let old = snapshot(1, &old, None);
        check(&old, &snapshot(2, &new, None));
        if !new.bitmap.is_empty() && old.shared_cache().is_some() {
            check(&old, &snapshot(2, &new, Some(&old)));
        }
    }

    #[test]
    fn of_a_snapshot_and_the_next(old in loads(), edits in proptest::collection::vec(edit(), 0..8)) {
        let mut next = old.clone();
        edits.iter().for_each(|edit| apply(&mut next, edit));
        let old = snapshot(1, &old, None);
        let new = snapshot(2, &next, Some(&old));
        check(&old, &new);
        check(&new, &old);
    }
}

#[test]
fn a_move_is_unloaded_and_loaded() {
    let at = |address| Loads { own: vec![(1, 0x1000), (2, address), (3, 0x9_0000)], ..Loads::default() };
    let (old, new) = (snapshot(1, &at(0x2_0000), None), snapshot(2, &at(0x3_0000), None));
    let News::Changes { changes, snapshot: told } = News::between(&old, &new) else { panic!("no changes") };
    let told_of: Vec<_> = changes.iter().map(|(kind, image)| (*kind, key(image))).collect();
    assert_eq!(told_of, [(ChangeKind::Unloaded, (2, 0x2_4000)), (ChangeKind::Loaded, (2, 0x3_4000))]);
    assert!(std::sync::Arc::ptr_eq(&told, &new));
}

#[test]
fn what_went_is_told_backwards_and_what_came_forwards() {
    let (old, new) = (snapshot(1, &Loads::own([1, 2, 3, 4]), None), snapshot(2, &Loads::own([3, 5, 6]), None));
    let News::Changes { changes, .. } = News::between(&old, &new) else { panic!("no changes") };
    let numbers: Vec<_> = changes.iter().map(|(_, image)| key(image).0).collect();
    assert_eq!(numbers, [4, 2, 1, 5, 6]);
}

/// The pieces that a naive walk confuses: many cache images at once, far from one another, with own images in between.
#[test]
fn many_cache_images_at_once() {
    let base = crate::schema::tests::records::BASE;
    let own: Vec<_> = (0..6_u8).map(|n| (n, base + u64::from(n) * 0x73_0000)).collect();
    let with = |bitmap: Vec<u8>| Loads { own: own.clone(), bitmap, slide: 0 };
    let old = snapshot(1, &with(vec![0b0101_0101; CACHED / 8]), None);
    let new = snapshot(2, &with(vec![0b1010_1011; CACHED / 8]), Some(&old));
    check(&old, &new);
    assert_eq!((delta(&old, &new).0.len(), delta(&old, &new).1.len()), (CACHED / 8 * 3, CACHED / 8 * 4));
}

fn time(count: u32) -> Duration {
    let own = |shift: u32| {
        let own =
            (0..count).map(|n| ((n % 251) as u8, 0x1000 * u64::from(if n == count / 2 { count + shift } else { n })));
        Loads { own: own.collect(), bitmap: vec![0xff], slide: 0 }
    };
    let old = snapshot(1, &own(0), None);
    let news: Vec<_> = (1..4).map(|shift| snapshot(2, &own(shift), Some(&old))).collect();
    let run = |new| {
        let start = ThreadTime::now();
        assert_eq!(delta(&old, new).1.len(), 1);
        start.elapsed()
    };
    news.iter().map(|new| run(new)).min().unwrap()
}

#[test]
fn ten_times_the_images_take_about_ten_times_as_long() {
    let times = [time(300), time(3000)];
    assert!(times[1] < times[0].max(Duration::from_micros(100)) * 60, "{times:?}");
}
