//! The process-wide table of records.

use std::fs::FileTimes;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Barrier;
use std::time::{Duration, SystemTime};

use super::super::table::{Key, Source};
use super::super::{CacheTable, KnownCache, RecordOrigin, Supply, load, table};
use super::*;
use crate::bytes::{Bytes, Mode};

fn count(known: &KnownCache) -> u32 {
    known.image_count()
}

#[test]
fn the_same_file_is_decoded_once() {
    let _alone = alone();
    table().clear();
    let file = File::new(&atlas(3));
    let first = strict(&file.supply()).unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &strict(&file.supply()).unwrap().unwrap()));
    assert_eq!(table().len(), 1);
    // The same bytes in another file are another file.
    let other = File::new(&atlas(3));
    assert!(!Arc::ptr_eq(&first, &strict(&other.supply()).unwrap().unwrap()));
    assert_eq!(table().len(), 2);
    table().clear();
    assert_eq!((table().len(), table().byte_length()), (0, 0));
    assert_eq!(count(&first), 3, "what is held stays");
}

#[test]
fn a_file_that_changed_is_read_again() {
    let _alone = alone();
    let file = File::new(&atlas(3));
    // Copied, since the file is changed in place below.
    let read = || load(&file.supply(), uuid(), Policy::default(), Mode::Copy, RecordOrigin::Provider).unwrap().unwrap();
    assert_eq!(count(&read()), 3);
    std::fs::write(&file.0, atlas(4)).unwrap();
    assert_eq!(count(&read()), 4, "another size");
    let beside = File::new(&atlas(5));
    std::fs::rename(&beside.0, &file.0).unwrap();
    assert_eq!(count(&read()), 5, "another file in its place");
}

/// Same inode, same size, and a time of change that was set back by hand.
#[cfg(unix)]
#[test]
fn a_time_that_was_set_back_does_not_deceive() {
    let _alone = alone();
    let before = atlas_with(&[(uuid(), records::cache(images(2)).with("size", records::int(0x1111)))], None);
    let after = atlas_with(&[(uuid(), records::cache(images(2)).with("size", records::int(0x2222)))], None);
    assert_eq!(before.len(), after.len());
    let file = File::new(&before);
    let when = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let set = || {
        let file = std::fs::File::options().write(true).open(&file.0).unwrap();
        file.set_times(FileTimes::new().set_modified(when)).unwrap();
    };
    set();
    let read = || load(&file.supply(), uuid(), Policy::default(), Mode::Copy, RecordOrigin::Provider).unwrap().unwrap();
    assert_eq!(read().vm_size(), 0x1111);
    // Longer than the clock of a file system takes for a step.
    std::thread::sleep(Duration::from_millis(30));
    std::fs::File::options().write(true).open(&file.0).unwrap().write_all(&after).unwrap();
    set();
    assert_eq!(read().vm_size(), 0x2222);
}

#[test]
fn policies_modes_and_origins_are_kept_apart() {
    let _alone = alone();
    table().clear();
    let file = File::new(&atlas(3));
    let mut kept = Vec::new();
    for policy in [policy(false), policy(true)] {
        for mode in [Mode::Map, Mode::Copy] {
            for origin in [RecordOrigin::Provider, RecordOrigin::BesideCache] {
                let known = load(&file.supply(), uuid(), policy, mode, origin).unwrap().unwrap();
                assert_eq!(known.origin(), origin);
                assert!(kept.iter().all(|other| !Arc::ptr_eq(other, &known)));
                kept.push(known);
            }
        }
    }
    assert_eq!(table().len(), 8);
}

#[test]
fn bytes_in_memory_are_known_by_where_they_lie() {
    let _alone = alone();
    table().clear();
    let supply = memory(atlas(2));
    let first = strict(&supply).unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &strict(&supply.clone()).unwrap().unwrap()));
    assert!(!Arc::ptr_eq(&first, &strict(&memory(atlas(2))).unwrap().unwrap()));
    drop((supply, first));
    // The table keeps the bytes, so no others can come to lie there and be taken for them.
    for images in 3..40 {
        assert_eq!(count(&strict(&memory(atlas(images))).unwrap().unwrap()), images as u32);
    }
}

#[test]
fn the_least_recently_used_go_first() {
    let _alone = alone();
    table().clear();
    let supplies: Vec<Supply> = (0..CacheTable::MOST_RECORDS as u64 + 3).map(|n| memory(atlas(n + 1))).collect();
    let read = |at: usize| strict(&supplies[at]).unwrap().unwrap();
    let first: Vec<_> = (0..CacheTable::MOST_RECORDS).map(read).collect();
    assert_eq!(table().len(), CacheTable::MOST_RECORDS);
    // The oldest is used again, so that the three next ones go.
    assert!(Arc::ptr_eq(&first[0], &read(0)));
    let _more: Vec<_> = (CacheTable::MOST_RECORDS..supplies.len()).map(read).collect();
    assert_eq!(table().len(), CacheTable::MOST_RECORDS);
    for at in [0, 4, 5, CacheTable::MOST_RECORDS - 1] {
        assert!(Arc::ptr_eq(&first[at], &read(at)), "{at}");
    }
    for at in [1, 2, 3] {
        assert!(!Arc::ptr_eq(&first[at], &read(at)), "{at}");
    }
}

#[test]
fn no_more_bytes_than_allowed() {
    let _alone = alone();
    let entry = |n: u64| {
        let bytes = Bytes::from(atlas(n));
        let known = strict(&Supply::Bytes(bytes.clone())).unwrap().unwrap();
        let source = Source::Memory { address: bytes.as_ptr() as usize, length: bytes.len() };
        (Key { uuid: uuid(), source, policy: policy(false), origin: RecordOrigin::Provider }, bytes, known)
    };
    let entries: Vec<_> = (20..24).map(entry).collect();
    let most = entries[1].1.len() + entries[2].1.len() + 100;
    let own = CacheTable::new(most);
    let insert = |at: usize| own.insert(entries[at].0.clone(), entries[at].1.clone(), 0, &entries[at].2);
    let keys = || entries.iter().map(|(key, ..)| own.get(key).is_some()).collect::<Vec<_>>();
    (0..3).for_each(insert);
    assert!(own.byte_length() <= most, "{}", own.byte_length());
    assert_eq!(keys(), [false, true, true, false]);
    insert(1);
    assert_eq!(own.len(), 2, "the same again takes its own place");
    // Arrays count once they are made, and what exceeds the bound goes with the next record.
    assert!(!entries[2].2.columns().images.is_empty());
    assert!(own.byte_length() > most);
    insert(3);
    assert!(own.byte_length() <= most);
    assert_eq!(keys(), [false, false, false, true]);
    // One that is too large is not kept, and drives nothing out.
    own.insert(entries[0].0.clone(), entries[0].1.clone(), most, &entries[0].2);
    assert_eq!(keys(), [false, false, false, true]);
}

/// What is kept alive with a record counts, also where the record is a small part of it.
#[test]
fn a_small_record_in_a_large_archive() {
    let _alone = alone();
    table().clear();
    for codec in [None, Some(crate::compress::Codec::Lz4)] {
        let mut writer = ArchiveWriter::new();
        writer.add_file(b"what", vec![0; 5 << 20]).unwrap();
        let plist = records::atlas(records::cache(images(1))).encode();
        writer.add_file(entry_path(uuid()).as_bytes(), plist).unwrap();
        let known = strict(&memory(writer.to_bytes(codec).unwrap())).unwrap().unwrap();
        assert!(table().byte_length() > 5 << 20, "{codec:?}: {}", table().byte_length());
        drop(known);
        table().clear();
    }
}

#[test]
fn threads_that_race_for_the_same_cache() {
    let _alone = alone();
    table().clear();
    let file = File::new(&atlas(50));
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..50).map(|_| strict(&file.supply()).unwrap().unwrap().columns().images.len()).sum::<usize>()
                })
            })
            .collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 50 * 50));
    });
    assert_eq!(table().count_of(&file.0), 1, "one is kept, whoever made it");
}

#[test]
fn records_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<KnownCache>();
    shared::<CacheTable>();
    shared::<Supply>();
}
