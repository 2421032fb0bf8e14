//! The four cases of an image's addresses, in either record; equality; the cache of a process.

use std::collections::HashSet;

use super::*;
use crate::schema::tests::records::{BASE, SEGMENTS, image, int, own_image};
use crate::schema::tests::tree::{dict, text};

const SLIDE: u64 = 0x10_0000;

fn parts(image: &Image) -> (u64, u64, u64, bool) {
    (image.address().0, image.preferred_load_address().0, image.slide().0, image.shared_cache().is_some())
}

/// Only preferred, only own, both.
fn three(base: u64) -> Vec<Tree> {
    let both = image(1, base, &SEGMENTS).with("addr", int(base + 0x70));
    vec![image(0, base, &SEGMENTS), both.clone().without("padr"), both]
}

#[test]
fn own_images_without_a_cache() {
    let [only_preferred, own @ ..] = &three(0x5000)[..] else { panic!() };
    let images = own_images(own.to_vec());
    let found: Vec<_> = (0..2).map(|index| parts(&images.get(index).unwrap())).collect();
    assert_eq!(found, [(0x5070, 0, 0x5070, false), (0x5070, 0x5000, 0x70, false)]);
    consistent(&images);

    // Without a cache that was moved nothing says where it lies.
    let process = records::process([own, std::slice::from_ref(only_preferred)].concat());
    let error = Opening::new(archive(&process, None), options(false)).unwrap_err();
    assert_eq!(error.location().key_path.as_deref(), Some("imgs[2]"));
    assert!(error.to_string().contains("expected addr, found padr alone"), "{error}");
    let snapshot = open_with(&process, None, true);
    assert_eq!((snapshot.images().len(), snapshot.warnings().len()), (2, 1));
    // A reference to a cache that is itself broken is none.
    let broken = process.with("dsc1", Tree::True);
    assert_eq!(open_with(&broken, None, true).images().len(), 2);
}

/// The process says which cache it has, and no record of that cache is to be had.
#[test]
fn own_images_whose_cache_is_not_found() {
    for lenient in [false, true] {
        for bitmap in [&[0xff][..], &[]] {
            let process = records::process(three(0x5000)).with("dsc1", records::reference(SLIDE, bitmap));
            let snapshot = open_with(&process, None, lenient);
            assert_eq!(snapshot.images().columns().address, [0x5070, 0x5070]);
            let told =
                snapshot.warnings().iter().filter(|warning| warning.contains("1 images have a preferred address"));
            assert_eq!((told.count(), snapshot.warnings().len()), (1, 1 + bitmap.len()));
            assert_eq!(snapshot.images().segment_columns().len(), 6);
            consistent(snapshot.images());
        }
    }
    let placed = records::process(three(0x5000)[1..].to_vec()).with("dsc1", records::reference(SLIDE, &[]));
    assert_eq!(open(&placed, None).warnings(), [""; 0]);
}

/// An image whose address cannot be read is not taken for one that moves with the cache.
#[test]
fn own_images_of_a_broken_address() {
    let broken = own_image(1, 0x1000).with("addr", text("x"));
    let process = records::process(vec![broken, own_image(2, 0x2000)]).with("dsc1", records::reference(SLIDE, &[]));
    let error = Opening::new(archive(&process, None), options(false)).unwrap_err();
    assert_eq!(error.location().key_path.as_deref(), Some("imgs[0].addr"));
    for cache in [None, Some(&records::cache(vec![]))] {
        let snapshot = open_with(&process, cache, true);
        assert_eq!((snapshot.images().columns().address.as_slice(), snapshot.warnings().len()), (&[0x6000][..], 1));
    }
}

#[test]
fn own_images_with_a_cache() {
    let snapshot = snapshot(three(0x5000), vec![], &[], SLIDE);
    let mut found: Vec<_> = snapshot.images().columns().address.clone();
    found.sort_unstable();
    assert_eq!(found, [0x5070, 0x5070, 0x5000 + SLIDE]);
    let moved = (0..3).map(|index| snapshot.images().get(index).unwrap()).find(|image| image.address().0 > SLIDE);
    assert_eq!(parts(&moved.unwrap()), (0x5000 + SLIDE, 0x5000, SLIDE, true));
}

#[test]
fn images_of_the_cache_and_a_negative_slide() {
    for slide in [SLIDE, SLIDE.wrapping_neg(), BASE.wrapping_neg(), 0] {
        let snapshot = snapshot(vec![], three(BASE), &[0xff], slide);
        let images = snapshot.images();
        let found: HashSet<_> = (0..3).map(|index| parts(&images.get(index).unwrap())).collect();
        let expected = HashSet::from([
            (BASE.wrapping_add(slide), BASE, slide, true),
            (BASE + 0x70, 0, BASE + 0x70, false),
            (BASE + 0x70, BASE, 0x70, false),
        ]);
        assert_eq!(found, expected);
        assert_eq!(snapshot.shared_cache().unwrap().slide().0, slide);
        consistent(images);
    }
}

#[test]
fn images_with_neither_address() {
    let neither = image(1, 0, &SEGMENTS).without("padr");
    let process = records::process(vec![neither.clone(), own_image(2, 0x1000)]);
    let error = Opening::new(archive(&process, None), options(false)).unwrap_err();
    assert_eq!(error.location().key_path.as_deref(), Some("imgs[0]"));
    let snapshot = open_with(&process, None, true);
    assert_eq!((snapshot.images().len(), snapshot.warnings().len()), (1, 1));
    let process = records::process(vec![]).with("dsc1", records::reference(0, &[0xff]));
    let cache = records::cache(vec![image(1, BASE, &[]), neither]);
    let error = Opening::new(archive(&process, Some(&cache)), options(false)).unwrap().finish().unwrap_err();
    assert_eq!(error.location().key_path, Some(format!("uuids.{CACHE}.imgs[1]")));
    assert_eq!(open_with(&process, Some(&cache), true).images().len(), 1);
}

#[test]
fn the_end_of_the_highest_segment() {
    let end = |segments: &[(&str, u64, u64)]| {
        own_images(vec![image(1, 0x1000, segments).with("addr", int(0x1000))]).columns().vm_end[0]
    };
    assert_eq!(end(&[]), 0);
    assert_eq!(end(&[("a", 0x100, 0x10), ("b", 0, 0x10)]), 0x1110);
    assert_eq!(end(&[("a", 0, u64::MAX >> 1), ("b", 0, 1)]), 0x1000 + (u64::MAX >> 1));
    assert_eq!(end(&[("a", 0_u64.wrapping_sub(0x1001), 0x10)]), u64::MAX, "it ends with the address space");
}

#[test]
fn equal_is_the_same_load() {
    let own = own_image(1, 0x1000);
    let unnamed = own.without("uuid");
    let trees = [
        own.clone(),
        own.with("addr", int(0x7777)),
        own.with("uuid", records::uuid(9)),
        own.with("file", text("/other")),
        unnamed.clone(),
        unnamed.with("file", text("/other")),
        unnamed.without("file"),
        unnamed.with("file", Tree::Utf16("/other".to_owned())),
        unnamed.without("file").with("name", text("/other")),
        unnamed.with("addr", int(0x7777)),
    ];
    // Images of one class are equal to one another and to no others.
    let classes = [0, 1, 2, 0, 3, 4, 5, 4, 4, 6];
    let (a, b) = (own_images(trees.to_vec()), own_images(trees.to_vec()));
    for (i, class) in classes.iter().enumerate() {
        for (j, other) in classes.iter().enumerate() {
            for (left, right) in [(&a, &a), (&a, &b)] {
                let (left, right) = (left.get(i).unwrap(), right.get(j).unwrap());
                assert_eq!(left == right, class == other, "{i} {j}");
                if class == other {
                    assert_eq!(HashSet::from([left, right]).len(), 1, "equal images have one hash");
                }
            }
        }
    }
    let all: HashSet<Image> =
        (0..trees.len()).flat_map(|index| [a.get(index).unwrap(), b.get(index).unwrap()]).collect();
    assert_eq!(all.len(), 7);
}

#[test]
fn what_names_an_image() {
    let images =
        own_images(vec![own_image(1, 0), image(2, 0x10, &[]).with("addr", int(0x10)), dict([("addr", int(0x20))])]);
    let image = |index: usize| images.get(index).unwrap();
    assert_eq!(string(image(0).name()).as_deref(), Some("lib1.dylib"));
    assert_eq!(string(image(1).install_name()).as_deref(), Some("/usr/lib/lib2.dylib"));
    assert_eq!((image(1).identifier().path, image(2).name()), (None, None));
    assert_eq!(image(0).identifier().path, Some("/opt/lib1.dylib".into()));
    assert_eq!(image(0).identifier().uuid, Some(Uuid::from_u128(1)));
    assert_eq!((image(2).segment_count(), image(2).segments().count()), (0, 0));
}

#[test]
fn the_cache_of_a_process() {
    let reference = records::reference(SLIDE, &[1]).with("auid", records::uuid(3)).with("aadr", int(4));
    let process = records::process(vec![]).with("dsc1", reference).with("flags", int(7));
    let snapshot = open(&process, Some(&records::cache(vec![image(1, BASE, &[])])));
    let cache = snapshot.shared_cache().unwrap();
    assert_eq!((cache.uuid(), cache.address().0, cache.vm_size()), (cache_uuid(), BASE + SLIDE, 0x1000_0000));
    assert_eq!((cache.pointer_size(), snapshot.page_size(), cache.mapped_private()), (4, 4096, true));
    assert_eq!((cache.aot_uuid(), cache.aot_address().map(|at| at.0)), (Some(Uuid::from_u128(3)), Some(4)));
    assert_eq!((cache.file_path(), cache.architecture()), (&"/nowhere/dyld_shared_cache_arm64e".into(), "arm64e"));
    let names: Vec<_> = cache.subcaches().iter().map(|file| cache.file_name(file)).collect();
    assert_eq!(names, ["dyld_shared_cache_arm64e", "dyld_shared_cache_arm64e.01"]);
    assert_eq!(cache.file_path().beside("x.symbols"), "/nowhere/x.symbols".into());
    let made = cache.companion(|| *cache.companion(|| 1_u8).unwrap() + 1);
    assert_eq!((made.copied(), cache.companion(|| 7_u8).copied()), (Some(1), Some(1)));
    let plain = open(&records::process(vec![]), None);
    assert_eq!((plain.pointer_size(), plain.page_size(), plain.shared_cache().is_none()), (8, 16384, true));
}
