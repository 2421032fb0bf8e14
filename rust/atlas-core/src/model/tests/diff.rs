//! The difference of two lists, against a plain one of two multisets.

use std::collections::BTreeMap;
use std::time::Duration;

use cpu_time::ThreadTime;
use proptest::prelude::*;

use super::super::{Difference, diff};
use super::*;
use crate::schema::tests::records::{BASE, image, int};
use crate::schema::tests::tree::{dict, text};

/// Address, UUID or none, path or none: few of each, so that all sorts of pairs occur.
type Load = (u64, Option<u8>, Option<u8>);

fn load() -> impl Strategy<Value = Load> {
    (0..5_u64, prop_oneof![4 => (0..4_u8).prop_map(Some), 1 => Just(None)], proptest::option::of(0..3_u8))
}

fn tree((address, uuid, path): Load) -> Tree {
    let mut tree = dict([("addr", int(address))]);
    if let Some(uuid) = uuid {
        tree = tree.with("uuid", records::uuid(uuid.into()));
    }
    if let Some(path) = path {
        tree = tree.with(if address % 2 == 0 { "file" } else { "name" }, text(&format!("/{path}")));
    }
    tree
}

/// The file alone: its UUID, else its path, else nothing.
fn file((_, uuid, path): Load) -> (Option<u8>, Option<u8>) {
    (uuid, if uuid.is_some() { None } else { path })
}

/// What makes two loads the same.
fn key(load: Load) -> (u64, (Option<u8>, Option<u8>)) {
    (load.0, file(load))
}

fn count<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, i32> {
    let mut counts = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}

fn loads(images: &[Image], of: &[Load]) -> Vec<Load> {
    images.iter().map(|image| of[image.index() as usize]).collect()
}

/// Compares `found` with the plain difference of `old` and `new`.
fn check(found: &Difference, old: &[Load], new: &[Load]) {
    let (all_old, all_new) = (count(old.iter().map(|load| key(*load))), count(new.iter().map(|load| key(*load))));
    let minus = |a: &BTreeMap<_, i32>, b: &BTreeMap<_, i32>| {
        let left = a.iter().map(|(key, count)| (*key, count - b.get(key).copied().unwrap_or(0)));
        left.filter(|(_, count)| *count > 0).collect::<BTreeMap<_, _>>()
    };
    let (gone, come) = (minus(&all_old, &all_new), minus(&all_new, &all_old));
    let (unloaded, loaded) = (loads(&found.unloaded, old), loads(&found.loaded, new));
    let (before, after): (Vec<_>, Vec<_>) = found.moved.iter().cloned().unzip();
    let (before, after) = (loads(&before, old), loads(&after, new));
    assert_eq!(count(unloaded.iter().chain(&before).map(|load| key(*load))), gone);
    assert_eq!(count(loaded.iter().chain(&after).map(|load| key(*load))), come);
    // Of each file as many moved as there are on either side; a file of which nothing is known never does.
    for (before, after) in before.iter().zip(&after) {
        assert!(file(*before) == file(*after) && before.0 != after.0 && file(*before) != (None, None));
    }
    for file_of in unloaded.iter().map(|load| file(*load)).filter(|file| *file != (None, None)) {
        assert!(loaded.iter().all(|load| file(*load) != file_of), "{file_of:?} moved");
    }
    assert!(found.unloaded.is_sorted_by_key(Image::index) && found.loaded.is_sorted_by_key(Image::index));
}

fn images(loads: &[Load]) -> Arc<ImageSet> {
    own_images(loads.iter().map(|load| tree(*load)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_two_lists(
        old in proptest::collection::vec(load(), 0..30),
        other in proptest::collection::vec(load(), 0..30),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), load(), 0..3_u8), 0..6),
        kind in 0..3_u8,
    ) {
        // Another list, the same one after a few edits, or the same one in another order.
        let mut new = if kind == 0 { other } else { old.clone() };
        if kind == 2 {
            new.reverse();
        }
        for (at, load, edit) in edits {
            let at = at.index(new.len() + 1);
            match edit {
                0 => new.insert(at, load),
                1 if at < new.len() => drop(new.remove(at)),
                _ if at < new.len() => new[at].0 += 1,
                _ => {}
            }
        }
        let (a, b) = (images(&old), images(&new));
        check(&diff(&a, &b), &old, &new);
        check(&diff(&b, &a), &new, &old);
        let none = diff(&a, &images(&old));
        prop_assert!(none.loaded.is_empty() && none.unloaded.is_empty() && none.moved.is_empty());
    }
}

#[test]
fn an_image_that_moves_with_its_cache() {
    let cache = || (0..200).map(|n| image(n, BASE + n as u64 * 0x1000, &[])).collect::<Vec<_>>();
    let (a, b) = (snapshot(vec![], cache(), &[0xff; 25], 0x1000), snapshot(vec![], cache(), &[0xff; 25], 0x2000));
    let found = diff(a.images(), b.images());
    assert_eq!((found.loaded.len(), found.unloaded.len(), found.moved.len()), (0, 0, 200));
    assert!(
        found.moved.iter().all(|(old, new)| old.uuid() == new.uuid() && old.address().0 + 0x1000 == new.address().0)
    );
    let less = snapshot(vec![], cache(), &[0xff; 24], 0x1000);
    let found = diff(a.images(), less.images());
    assert_eq!(found.unloaded.iter().map(Image::index).collect::<Vec<_>>(), (192..200).collect::<Vec<_>>());
    assert!(found.loaded.is_empty() && found.moved.is_empty());
}

/// The best of a few runs.
fn time(old: &Arc<ImageSet>, new: &Arc<ImageSet>) -> Duration {
    let run = |_| {
        // Of this thread alone, whatever else the machine does.
        let start = ThreadTime::now();
        std::hint::black_box(diff(old, new));
        start.elapsed()
    };
    (0..3).map(run).min().unwrap()
}

/// Images of one address without UUID, of one UUID, of nothing in common, in reverse order: what makes a hash or a walk
/// degenerate.
#[test]
fn ten_times_the_images_take_about_ten_times_as_long() {
    type Make = fn(u64) -> Tree;
    let makes: [(&str, Make); 4] = [
        ("one address, no UUID", |n| dict([("addr", int(1)), ("file", text(&format!("/lib{n}")))])),
        ("no UUID, no path", |n| dict([("addr", int(n))])),
        ("one UUID", |n| dict([("addr", int(n)), ("uuid", records::uuid(1))])),
        ("one load", |_| dict([("addr", int(7)), ("uuid", records::uuid(1))])),
    ];
    for (what, make) in makes {
        let list = |range: std::ops::Range<u64>| own_images(range.rev().map(make).collect());
        let times = [1500, 15_000].map(|count| {
            let (old, new) = (list(0..count), own_images((count / 3..2 * count).map(make).collect()));
            time(&old, &new)
        });
        let ratio = times[1].as_secs_f64() / times[0].as_secs_f64().max(1e-4);
        assert!(ratio < 50.0, "{what}: {times:?}, {ratio:.0} times as long");
    }
}
