//! Records whose objects are shared, cyclic, broken or out of all proportion.

use atlas_core::ErrorKind;
use atlas_core::bplist::Plist;
use atlas_core::bytes::Bytes;
use atlas_core::schema::CacheRecord;

use crate::support::build::{CACHE, process_with_images};
use crate::support::raw::Raw;
use crate::{archive, bounded, everything, is_faulty, is_limited, open};

const MANY: usize = 100_000;

/// A process of `count` images that are one dictionary with these keys.
fn one_image_many_times(raw: &mut Raw, count: usize, pairs: &[(&str, u32)]) -> Vec<u8> {
    let image = raw.keyed(pairs);
    let images = raw.array(&vec![image; count]);
    let root = raw.process(images, &[]);
    raw.finish(root)
}

#[test]
fn a_bomb_of_references() {
    let mut raw = Raw::new(2);
    let name = raw.text("__TEXT");
    let segment = raw.segment(name, 0, 1);
    let segments = raw.array(&vec![segment; MANY]);
    let address = raw.integer(0);
    is_limited("bomb", &one_image_many_times(&mut raw, MANY, &[("addr", address), ("segs", segments)]));
}

#[test]
fn one_list_of_segments_for_every_image() {
    let mut raw = Raw::new(1);
    let name = raw.text("__TEXT");
    let segment = raw.segment(name, 0, 1);
    let segments = raw.array(&[segment; 14]);
    let address = raw.integer(0);
    let process = one_image_many_times(&mut raw, 200_000, &[("addr", address), ("segs", segments)]);
    is_limited("shared segments", &process);
    // What stays below the limit stays within the bounds as well.
    let process = one_image_many_times(&mut raw, 5000, &[("addr", address), ("segs", segments)]);
    assert_eq!(everything("few shared segments", process, false).unwrap().images().segment_columns().len(), 70_000);
}

#[test]
fn one_long_name_for_every_image() {
    let mut raw = Raw::new(2);
    let name = raw.text(&"n".repeat(1 << 20));
    let address = raw.integer(0);
    let process = one_image_many_times(&mut raw, MANY, &[("addr", address), ("name", name), ("file", name)]);
    is_limited("shared name", &process);
    let process = one_image_many_times(&mut raw, 4, &[("addr", address), ("name", name), ("file", name)]);
    assert_eq!(everything("a few long names", process, false).unwrap().images().len(), 4);
}

#[test]
fn as_many_images_as_are_allowed() {
    let mut raw = Raw::new(1);
    let address = raw.integer(0);
    is_limited("images", &one_image_many_times(&mut raw, 1 << 20, &[("addr", address)]));
    let error = everything("too many", one_image_many_times(&mut raw, (1 << 20) + 1, &[("addr", address)]), true);
    assert!(matches!(error.unwrap_err().kind(), ErrorKind::Limit { what: "images of one record", .. }));
}

#[test]
fn objects_within_objects() {
    // Every byte of a run of d0 is an empty dictionary; every offset points into the run.
    let mut raw = Raw::new(2);
    let run = raw.push(vec![0xd0; MANY]);
    let images = raw.array(&vec![run; MANY]);
    let root = raw.process(images, &[]);
    let lenient = is_faulty("overlap", &raw.finish(root), "imgs[0]: expected addr or padr, found neither");
    assert!(lenient.images().is_empty());
}

#[test]
fn the_root_in_the_place_of_its_parts() {
    let mut raw = Raw::new(1);
    let images = raw.array(&[]);
    let root = raw.process(images, &[]);
    raw.replace(images, root);
    let error = everything("root as list", raw.finish(root), true).unwrap_err();
    assert_eq!(error.location().key_path.as_deref(), Some("imgs"), "{error}");

    let mut raw = Raw::new(1);
    let list = raw.push(Vec::new());
    let root = raw.process(list, &[]);
    let itself = raw.array(&[root, root]);
    raw.replace(list, itself);
    let lenient = is_faulty("root as image", &raw.finish(root), "imgs[0]");
    assert!(lenient.images().is_empty());

    let mut raw = Raw::new(1);
    let (list, address) = (raw.push(Vec::new()), raw.integer(0x4000));
    let root = raw.process(list, &[("addr", address), ("envp", list), ("metr", list), ("segs", list)]);
    let itself = raw.array(&[root]);
    raw.replace(list, itself);
    let lenient = is_faulty("root as everything", &raw.finish(root), "expected");
    assert_eq!(lenient.images().len(), 1);
    assert_eq!(lenient.images().get(0).unwrap().segment_count(), 0);
}

#[test]
fn segments_that_are_their_own_image() {
    let mut raw = Raw::new(1);
    let (address, image) = (raw.integer(0x4000), raw.push(Vec::new()));
    let itself = raw.keyed(&[("addr", address), ("segs", image)]);
    raw.replace(image, itself);
    let images = raw.array(&[image]);
    let root = raw.process(images, &[]);
    let lenient = is_faulty("segs is its image", &raw.finish(root), "imgs[0].segs: expected array, found dictionary");
    assert_eq!((lenient.images().len(), lenient.images().segment_columns().len()), (1, 0));

    let mut raw = Raw::new(1);
    let (address, image) = (raw.integer(0x4000), raw.push(Vec::new()));
    let segments = raw.array(&[image, image]);
    let itself = raw.keyed(&[("addr", address), ("segs", segments)]);
    raw.replace(image, itself);
    let root = raw.process(segments, &[]);
    let lenient = is_faulty("segs is imgs", &raw.finish(root), "imgs[0].segs[0]");
    assert_eq!((lenient.images().len(), lenient.images().segment_columns().len()), (2, 0));
}

#[test]
fn a_million_references_that_name_nothing() {
    let mut raw = Raw::new(3);
    let images = raw.array(&vec![0xff_ffff; 50_000]);
    let root = raw.process(images, &[]);
    let lenient = is_faulty("lost images", &raw.finish(root), "imgs[0]: expected a reference below");
    assert!(lenient.images().is_empty() && lenient.warnings().last().unwrap().contains("more faults"));

    let mut raw = Raw::new(3);
    let images = raw.array(&vec![0xff_ffff; 1_000_000]);
    let root = raw.process(images, &[]);
    let error = everything("a million lost images", raw.finish(root), true).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");

    let mut raw = Raw::new(3);
    let (segments, address) = (raw.array(&vec![0xff_ffff; 1_000_000]), raw.integer(0));
    let process = one_image_many_times(&mut raw, 10, &[("addr", address), ("segs", segments)]);
    let error = everything("lost segments", process, true).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
}

#[test]
fn a_broken_key_behind_a_hundred_thousand() {
    let mut raw = Raw::new(3);
    let (key, address) = (raw.text("zzzz"), raw.integer(0));
    let mut pairs = vec![(key, address); MANY];
    pairs.push((0xff_ffff, address));
    let image = raw.dictionary(&pairs);
    let images = raw.array(&vec![image; MANY]);
    let root = raw.process(images, &[]);
    let error = everything("broken keys", raw.finish(root), true).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
}

#[test]
fn an_image_of_many_keys_and_many_segments() {
    let mut raw = Raw::new(2);
    let name = raw.text("__TEXT");
    let (segment, address, key) = (raw.segment(name, 0, 1), raw.integer(0), raw.text("zzzz"));
    let segments = raw.array(&vec![segment; 50_000]);
    let mut pairs = vec![(key, address); MANY];
    pairs.extend([(raw.text("addr"), address), (raw.text("segs"), segments)]);
    let image = raw.dictionary(&pairs);
    let images = raw.array(&[image]);
    let root = raw.process(images, &[]);
    let snapshot = everything("keys and segments", raw.finish(root), false).unwrap();
    assert_eq!(snapshot.images().get(0).unwrap().segments().filter(|segment| segment.name().is_some()).count(), 50_000);
}

#[test]
fn a_root_of_a_million_keys() {
    for (count, limited) in [(200_000, false), (1_500_000, true)] {
        let mut raw = Raw::new(1);
        let (images, one, key) = (raw.array(&[]), raw.integer(1), raw.text("zzzz"));
        let mut pairs = vec![(key, one); count];
        for key in ["proc", "plat", "time", "stat"] {
            pairs.push((raw.text(key), one));
        }
        pairs.push((raw.text("imgs"), images));
        let root = raw.dictionary(&pairs);
        let opened = everything("keys of the root", raw.finish(root), false);
        assert_eq!(opened.is_err(), limited, "{:?}", opened.err());
    }
}

#[test]
fn metrics_that_share_a_long_name() {
    for (count, value) in [(1000, "a string"), (1000, "")] {
        let mut raw = Raw::new(1);
        let (key, images) = (raw.text(&"k".repeat(1 << 20)), raw.array(&[]));
        let value = if value.is_empty() { raw.integer(1) } else { raw.text(value) };
        let metrics = raw.dictionary(&vec![(key, value); count]);
        let root = raw.process(images, &[("metr", metrics)]);
        let error = everything("long metrics", raw.finish(root), true).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
    }
    // Few enough to be read: the warnings are cut.
    let mut raw = Raw::new(1);
    let (key, images) = (raw.text(&"k".repeat(10_000)), raw.array(&[]));
    let metrics = raw.dictionary(&[(key, key); 1000]);
    let root = raw.process(images, &[("metr", metrics)]);
    is_faulty("metrics of text", &raw.finish(root), "metr.kkkk");
}

#[test]
fn a_million_metrics_of_one_name() {
    let mut raw = Raw::new(1);
    let (key, images, one) = (raw.text("k"), raw.array(&[]), raw.integer(1));
    let metrics = raw.dictionary(&vec![(key, one); 1_000_000]);
    let root = raw.process(images, &[("metr", metrics)]);
    let error = everything("metrics", raw.finish(root), true).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
}

#[test]
fn translated_images_of_many_keys() {
    let mut raw = Raw::new(3);
    let (key, images, one, data) = (raw.text("zzzz"), raw.array(&[]), raw.integer(1), raw.data(&[0; 32]));
    let mut pairs = vec![(key, one); MANY];
    for key in ["xadr", "aadr", "asze"] {
        pairs.push((raw.text(key), one));
    }
    pairs.push((raw.text("ikey"), data));
    let translated = raw.dictionary(&pairs);
    let list = raw.array(&vec![translated; 1_000_000]);
    let root = raw.process(images, &[("aots", list)]);
    let error = everything("translated images", raw.finish(root), true).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");

    let mut raw = Raw::new(3);
    let images = raw.array(&[]);
    let list = raw.array(&vec![0xff_ffff; 300_000]);
    let root = raw.process(images, &[("aots", list)]);
    is_faulty("lost translated images", &raw.finish(root), "aots[0]");
}

/// An atlas with `files` files that are one dictionary, whose name is `name` long and which has `mappings` mappings.
fn atlas(files: usize, name: usize, mappings: usize) -> Vec<u8> {
    let mut raw = Raw::new(2);
    let (one, name, uuid) = (raw.integer(1), raw.text(&"n".repeat(name)), raw.data(&[0; 16]));
    let mapping = raw.keyed(&[("padr", one), ("size", one), ("foff", one), ("prot", one)]);
    let mappings = raw.array(&vec![mapping; mappings]);
    let sizes = [("voff", one), ("size", one), ("fsze", one), ("padr", one)];
    let file = raw.keyed(&[&sizes[..], &[("name", name), ("uuid", uuid), ("maps", mappings)]].concat());
    let (files, images) = (raw.array(&vec![file; files]), raw.array(&[]));
    let own = uuid::Uuid::parse_str(CACHE).unwrap();
    let uuid = raw.data(own.as_bytes());
    let cache = [("uuid", uuid), ("padr", one), ("size", one), ("psze", one), ("imgs", images), ("dscs", files)];
    let cache = raw.keyed(&cache);
    let caches = raw.keyed(&[(CACHE, cache)]);
    let root = raw.keyed(&[("uuids", caches)]);
    raw.finish(root)
}

#[test]
fn files_of_a_cache_that_share_everything() {
    // How many files are read; `None` where a limit says no. A name that is no name of a file drops its file.
    for (files, name, mappings, read) in
        [(1_000_000, 1, 1, None), (1000, 1 << 20, 1, Some(0)), (50_000, 1, 1024, None), (100, 1000, 50, Some(100))]
    {
        let mut writer = atlas_core::archive::ArchiveWriter::new();
        writer.add_file(b"process.plist", process_with_images(1, 1)).unwrap();
        writer.add_file(format!("caches/uuids/{CACHE}.plist").as_bytes(), atlas(files, name, mappings)).unwrap();
        let bytes: Bytes = writer.to_bytes(None).unwrap().into();
        let what = format!("{files} files, names of {name}, {mappings} mappings");
        let opened = bounded(&what, bytes.len(), || open(&bytes, true));
        match opened {
            Ok(snapshot) => {
                let found = bounded(&what, bytes.len(), || snapshot.shared_cache().unwrap().subcaches().len());
                assert_eq!(Some(found), read, "{what}");
            }
            Err(error) => assert!(read.is_none() && matches!(error.kind(), ErrorKind::Limit { .. }), "{what}: {error}"),
        }
    }
}

#[test]
fn caches_by_one_long_key() {
    let mut raw = Raw::new(1);
    let (key, one) = (raw.text(&"k".repeat(1 << 20)), raw.integer(1));
    let caches = raw.dictionary(&vec![(key, one); 500_000]);
    let root = raw.keyed(&[("uuids", caches)]);
    let plist = raw.finish(root);
    let found = bounded("uuids", plist.len(), || {
        CacheRecord::uuids(&Plist::parse(Bytes::from(plist.clone())).unwrap()).map(|uuids| uuids.len())
    });
    assert!(found.is_err() || found.unwrap() == 0);
}

#[test]
fn a_bitmap_of_megabytes() {
    let process = |bytes| crate::support::process_plist(CACHE, 0x1_8000_0000, &vec![0xff; bytes]);
    is_limited("bitmap", &process(8 << 20));
    // A bit for each image that the limits allow.
    let process = process(atlas_core::Limits::DEFAULT.images as usize / 8);
    let mut writer = atlas_core::archive::ArchiveWriter::new();
    writer.add_file(b"process.plist", process).unwrap();
    let atlas = crate::support::build::cache_plist(7);
    writer.add_file(format!("caches/uuids/{CACHE}.plist").as_bytes(), atlas).unwrap();
    let bytes: Bytes = writer.to_bytes(None).unwrap().into();
    let snapshot = bounded("bitmap", bytes.len(), || open(&bytes, false).unwrap());
    assert_eq!((snapshot.images().len(), snapshot.images().columns().len()), (7, 7));
}

#[test]
fn sizes_of_half_the_address_space_and_segments_past_its_end() {
    let mut raw = Raw::new(1);
    let name = raw.text("__TEXT");
    let huge = raw.segment(name, 0x1000, 1 << 62);
    let wraps = raw.segment(name, u64::MAX - 0xfff, 0x2000);
    let last = raw.segment(name, u64::MAX, 1);
    let (segments, address) = (raw.array(&[huge, wraps, last]), raw.integer(0));
    let image = raw.keyed(&[("addr", address), ("segs", segments)]);
    let images = raw.array(&[image]);
    let root = raw.process(images, &[]);
    let snapshot = everything("edges", raw.finish(root), false).unwrap();
    let at = |address: u64| snapshot.images().at(address);
    assert_eq!([0xfff, 0x1000, 1 << 62, (1 << 62) + 0x1000].map(at), [None, Some(0), Some(0), None]);
    assert_eq!([u64::MAX - 0x1000, u64::MAX - 0xfff, u64::MAX, 0].map(at), [None, Some(0), Some(0), None]);
    assert_eq!(snapshot.images().columns().vm_end[0], u64::MAX);

    // A size of 2^63 is negative.
    let mut raw = Raw::new(1);
    let name = raw.text("__TEXT");
    let segment = raw.segment(name, 0, 1 << 63);
    let (segments, address) = (raw.array(&[segment]), raw.integer(0));
    let image = raw.keyed(&[("addr", address), ("segs", segments)]);
    let images = raw.array(&[image]);
    let root = raw.process(images, &[]);
    let lenient = is_faulty("2^63", &raw.finish(root), "imgs[0].segs[0].size: expected integer of 0 to 2^64 - 1");
    assert_eq!(lenient.images().get(0).unwrap().segment_count(), 0);
    assert!(open(&archive(raw.finish(root)), true).is_ok());
}
