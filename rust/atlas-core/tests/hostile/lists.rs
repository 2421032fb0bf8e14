//! Lists of images that are made to be hard to search and to compare.

use std::time::Instant;

use atlas_core::model::{RangeIndex, diff};
use uuid::Uuid;

use crate::growth::grows_no_faster;
use crate::support::raw::Raw;
use crate::{archive, open};

/// A process whose image `index` has this address, this UUID and this name.
fn process(count: usize, image: impl Fn(u64) -> (u64, Option<u128>, String)) -> Vec<u8> {
    let mut raw = Raw::new(4);
    let [address, uuid, name] = ["addr", "uuid", "name"].map(|key| raw.text(key));
    let images: Vec<u32> = (0..count as u64)
        .map(|index| {
            let (at, id, text) = image(index);
            let mut pairs = vec![(address, raw.integer(at)), (name, raw.text(&text))];
            if let Some(id) = id {
                pairs.push((uuid, raw.data(&id.to_be_bytes())));
            }
            raw.dictionary(&pairs)
        })
        .collect();
    let images = raw.array(&images);
    let root = raw.process(images, &[]);
    raw.finish(root)
}

fn compare(old: Vec<u8>, new: Vec<u8>) -> (usize, usize, usize) {
    let [old, new] = [old, new].map(|process| open(&archive(process), false).unwrap());
    let found = diff(old.images(), new.images());
    (found.loaded.len(), found.unloaded.len(), found.moved.len())
}

#[test]
fn comparing_lists_in_opposite_order() {
    grows_no_faster("opposite order", 4000, |count| {
        let forward = process(count, |index| (index, Some(index.into()), "n".to_owned()));
        let backward =
            process(count, |index| (count as u64 - 1 - index, Some((count as u64 - 1 - index).into()), "n".to_owned()));
        move || assert_eq!(compare(forward.clone(), backward.clone()), (0, 0, 0))
    });
}

#[test]
fn comparing_images_that_differ_only_in_their_names() {
    // No UUID, one address: what tells them apart is the name alone.
    grows_no_faster("names alone", 4000, |count| {
        let old = process(count, |index| (0x4000, None, format!("old{index}")));
        let new = process(count, |index| (0x4000, None, format!("new{index}")));
        move || assert_eq!(compare(old.clone(), new.clone()), (count, count, 0))
    });
    grows_no_faster("names alone, opposite order", 4000, |count| {
        let old = process(count, |index| (0x4000, None, format!("{index}")));
        let new = process(count, |index| (0x4000, None, format!("{}", count as u64 - 1 - index)));
        move || assert_eq!(compare(old.clone(), new.clone()), (0, 0, 0))
    });
}

#[test]
fn comparing_images_of_one_uuid() {
    grows_no_faster("one UUID", 4000, |count| {
        let old = process(count, |index| (index, Some(7), "n".to_owned()));
        let new = process(count, |index| (index + 1_000_000, Some(7), "n".to_owned()));
        move || assert_eq!(compare(old.clone(), new.clone()), (0, 0, count))
    });
}

#[test]
fn searching_for_a_name_that_all_have() {
    let process = process(40_000, |index| (index, Some(7), "/usr/lib/same.dylib".to_owned()));
    let snapshot = open(&archive(process), false).unwrap();
    let images = snapshot.images();
    let start = Instant::now();
    for _ in 0..40_000 {
        assert_eq!(images.by_name("same.dylib"), Some(0));
        assert_eq!(images.by_name("another.dylib"), None);
        assert_eq!(images.by_uuid(Uuid::from_u128(7)), Some(0));
    }
    assert!(start.elapsed().as_secs() < 5, "{:?} for 120 000 lookups", start.elapsed());
}

#[test]
fn ranges_within_ranges() {
    type Ranges = fn(u64, u64) -> (u64, u64);
    let shapes: [(&str, Ranges); 4] = [
        ("nested", |index, count| (index, 2 * (count - index))),
        ("all from one start", |index, _| (0, index + 1)),
        ("all to one end", |index, count| (index, count - index)),
        ("each over the next", |index, _| (index, 1000)),
    ];
    for (shape, range) in shapes {
        grows_no_faster(shape, 50_000, |count| {
            let ranges: Vec<(u64, u64, u32)> = (0..count as u64)
                .map(|index| range(index, count as u64))
                .enumerate()
                .map(|(index, (start, size))| (start, size, index as u32))
                .collect();
            let addresses: Vec<u64> = (0..count as u64).map(|index| index.wrapping_mul(7919) % count as u64).collect();
            move || {
                let index = RangeIndex::build(ranges.clone());
                assert!(index.len() <= 2 * ranges.len());
                let mut found = vec![0; addresses.len()];
                index.lookup(&addresses, &mut found);
                assert_eq!(found[0], index.at(addresses[0]).map_or(-1, u32::cast_signed));
            }
        });
    }
}
