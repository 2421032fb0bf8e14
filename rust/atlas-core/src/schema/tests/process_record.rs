//! What a process says of itself, beside its images.

use super::records::{self, int};
use super::tree::{Tree, dict, text};
use super::{policy, process};
use crate::limits::Limits;
use crate::schema::{Policy, ProcessRecord};

fn strict(tree: &Tree) -> ProcessRecord {
    let (record, warnings) = process(tree, policy(false)).unwrap();
    assert_eq!(warnings, [""; 0]);
    record
}

#[test]
fn what_may_be_missing() {
    let record = strict(&records::process(vec![]));
    assert_eq!((record.pid, record.platform, record.state, record.timestamp), (7, 1, 0x50, 0x1234_5678_9abc));
    assert_eq!((record.initial_image_count, record.flags), (None, 0));
    assert!(record.cache.is_none() && record.environment().is_none());
    assert!(record.metrics().is_none() && record.aot_images().is_none());
    assert!(record.images.is_empty());
}

#[test]
fn the_readers_spelling_of_flags_wins() {
    let sound = records::process(vec![]);
    for (written, read, flags) in [(None, Some(1), 1), (Some(2), None, 2), (Some(2), Some(4), 4), (Some(7), Some(0), 0)]
    {
        let mut tree = sound.clone();
        for (key, value) in [("flag", written), ("flags", read)] {
            if let Some(value) = value {
                tree = tree.with(key, int(value));
            }
        }
        assert_eq!(strict(&tree).flags, flags, "{written:?} {read:?}");
    }
    // A faulty one of the first spelling leaves the other.
    let tree = sound.with("flag", int(3)).with("flags", Tree::True);
    assert_eq!(process(&tree, policy(true)).unwrap().0.flags, 3);
}

#[test]
fn integers_of_all_widths() {
    let tree = records::process(vec![])
        .with("proc", Tree::Int(-1))
        .with("time", Tree::Wide(u64::MAX.into()))
        .with("plat", Tree::Wide(6))
        .with("stat", int(0xffff_ffff))
        .with("init", Tree::Int(i64::MAX.into()));
    let record = strict(&tree);
    assert_eq!((record.pid, record.timestamp, record.platform), (-1, u64::MAX, 6));
    assert_eq!((record.state, record.initial_image_count), (0xffff_ffff, Some(i64::MAX as u64)));
}

#[test]
fn the_first_of_a_repeated_key_wins() {
    let mut tree = records::process(vec![]).with("metr", dict([("main", int(1)), ("main", int(2))]));
    tree.pairs().extend([(text("proc"), int(8)), (Tree::Utf16("plat".to_owned()), Tree::True)]);
    let record = strict(&tree);
    assert_eq!((record.pid, record.platform), (7, 1));
    let metrics: Vec<i64> = record.metrics().unwrap().iter().map(|(_, value)| *value).collect();
    assert_eq!(metrics, [1, 2], "both are shown, the first first");
}

#[test]
fn keys_in_utf16() {
    let mut tree = records::process(vec![records::own_image(1, 0x1000)]).with("dsc1", records::reference(0, &[1]));
    for (key, _) in tree.pairs().iter_mut().chain([]) {
        if let Tree::Text(text) = key {
            *key = Tree::Utf16(text.clone());
        }
    }
    for path in ["imgs[0]", "imgs[0].segs[1]", "dsc1"] {
        for (key, _) in tree.at(path).pairs().iter_mut() {
            if let Tree::Text(text) = key {
                *key = Tree::Utf16(text.clone());
            }
        }
    }
    let record = strict(&tree);
    assert_eq!(record.images.len(), 1);
    assert_eq!(record.images.segments(&record.images.row(0).unwrap()).count(), 3);
    assert!(record.cache.unwrap().uses(0));
}

#[test]
fn environment_by_the_names_of_variables() {
    let environment = dict([("root", text("/r")), ("isuf", Tree::Utf16("_débug".to_owned())), ("what", Tree::True)]);
    let tree = records::process(vec![]).with("envp", environment);
    let record = strict(&tree);
    let found: Vec<_> = record
        .environment()
        .unwrap()
        .into_iter()
        .map(|(name, text)| (name, text.decode().unwrap().into_owned()))
        .collect();
    assert_eq!(found, [("DYLD_ROOT_PATH", "/r".to_owned()), ("DYLD_IMAGE_SUFFIX", "_débug".to_owned())]);
}

#[test]
fn metrics_and_translated_images_without_the_broken_ones() {
    let tree = records::process(vec![])
        .with("metr", dict([("a", int(1)), ("b", Tree::True), ("c", Tree::Int(-3))]))
        .with("aots", Tree::Array(vec![records::aot_image(1), Tree::True, records::aot_image(3)]));
    let (record, warnings) = process(&tree, policy(true)).unwrap();
    assert_eq!(warnings.len(), 2);
    let metrics: Vec<_> = record
        .metrics()
        .unwrap()
        .into_iter()
        .map(|(name, value)| (name.decode().unwrap().into_owned(), value))
        .collect();
    assert_eq!(metrics, [("a".to_owned(), 1), ("c".to_owned(), -3)]);
    let images = record.aot_images().unwrap();
    assert_eq!(images.iter().map(|image| image.image_key[0]).collect::<Vec<_>>(), [1, 3]);
    assert_eq!((images[1].x86_address, images[1].aot_address, images[1].aot_size), (0x3000, u64::MAX - 3, 0x800));
}

#[test]
fn bits_of_the_bitmap() {
    let tree = records::process(vec![]).with("dsc1", records::reference(0, &[0b1000_0001, 0b10]));
    let cache = strict(&tree).cache.unwrap();
    let used: Vec<usize> = (0..40).filter(|&index| cache.uses(index)).collect();
    assert_eq!((used, cache.bit_count()), (vec![0, 7, 9], 16));
    let none = strict(&records::process(vec![]).with("dsc1", records::reference(0, &[]))).cache.unwrap();
    assert!(!none.uses(0) && none.bit_count() == 0);
}

/// Each bit is an image, so the limit of images is one of the bitmap.
#[test]
fn a_bitmap_of_more_images_than_are_allowed() {
    for (images, most) in [(0, 0), (1, 1), (8, 1), (9, 2)] {
        let limits = Limits { images, ..Limits::DEFAULT };
        let tree = |bytes| records::process(vec![]).with("dsc1", records::reference(0, &vec![0xff; bytes]));
        for lenient in [false, true] {
            let policy = Policy { lenient, limits };
            assert!(process(&tree(most), policy).unwrap().0.cache.is_some());
            let error = process(&tree(most + 1), policy).unwrap_err();
            assert!(super::is_limit(&error), "{error}");
            assert_eq!(error.location().key_path.as_deref(), Some("dsc1.bitm"));
            assert!(error.location().offset.is_some());
        }
    }
}
