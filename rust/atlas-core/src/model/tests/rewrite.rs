//! Snapshots that are written again.

use super::*;
use crate::archive::Archive;
use crate::cache::Supply;
use crate::compress::Codec;
use crate::limits::Limits;
use crate::schema::tests::records::{BASE, image, own_image};
use crate::schema::tests::tree::text;

fn cache(images: u64) -> Tree {
    records::cache((0..images).map(|n| image(n.into(), BASE + 0x1000 * n, &[])).collect())
}

fn process() -> Tree {
    records::process(vec![own_image(9, 0x1000)]).with("dsc1", records::reference(0x4000, &[0b101]))
}

fn reopened(snapshot: &Snapshot, codec: Option<Codec>) -> Snapshot {
    let bytes = snapshot.to_bytes(codec).unwrap();
    let again = Opening::new(bytes.into(), options(false)).unwrap().finish().unwrap();
    assert_eq!(again.images().columns().address, snapshot.images().columns().address);
    assert_eq!(again.images().columns().uuid, snapshot.images().columns().uuid);
    assert_eq!(again.warnings(), [""; 0]);
    again
}

fn paths(archive: &Archive) -> Vec<String> {
    archive.entries().map(|entry| entry.path_text()).collect()
}

/// `process.plist`, an entry that nobody knows, and a record of the cache at `path`.
fn embedded_at(path: &str, cache: &Tree) -> Bytes {
    let mut writer = ArchiveWriter::new();
    writer.add_file(b"what/is/this", b"kept".to_vec()).unwrap();
    writer.add_file(b"process.plist", process().encode()).unwrap();
    writer.add_file(path.as_bytes(), records::atlas(cache.clone()).encode()).unwrap();
    writer.to_bytes(None).unwrap().into()
}

#[test]
fn with_an_embedded_record_and_an_entry_that_nobody_knows() {
    let path = entry_path(cache_uuid());
    for codec in [None, Some(Codec::Lz4)] {
        let snapshot = Opening::new(embedded_at(&path, &cache(3)), options(false)).unwrap().finish().unwrap();
        let again = reopened(&snapshot, codec);
        assert_eq!(again.images().len(), 3);
        assert_eq!(again.archive().codec(), codec);
        assert_eq!(&*again.archive().find("what/is/this").unwrap().data(), b"kept");
        assert_eq!(paths(again.archive()), ["what/is/this", "process.plist", &path]);
    }
}

#[test]
fn without_a_cache() {
    let snapshot = open(&records::process(vec![own_image(1, 5)]), None);
    assert_eq!(paths(reopened(&snapshot, None).archive()), ["process.plist"]);
}

#[test]
fn a_record_that_was_found_elsewhere_is_embedded() {
    let mut opening = Opening::new(archive(&process(), None), options(false)).unwrap();
    assert!(opening.offer(&Supply::Bytes(atlas(&cache(3)))).unwrap());
    let snapshot = opening.finish().unwrap();
    let again = reopened(&snapshot, None);
    let path = entry_path(cache_uuid());
    let link = "caches/names/dyld_shared_cache_arm64e.plist";
    assert_eq!(paths(again.archive()), [link, "process.plist", &path]);
    assert_eq!(again.archive().find(link).unwrap().path_text(), path, "the link leads there");
    // Once more changes nothing.
    assert_eq!(reopened(&again, None).to_bytes(None).unwrap(), again.to_bytes(None).unwrap());
}

#[test]
fn the_record_that_was_preferred_replaces_the_embedded_one_however_that_is_spelt() {
    let path = entry_path(cache_uuid());
    for spelt in [path.clone(), format!("./{path}"), format!("caches/x/..//{}", &path["caches/".len()..])] {
        let bytes = embedded_at(&spelt, &cache(1));
        let mut opening = Opening::new(bytes.clone(), options(false)).unwrap();
        assert!(opening.offer(&Supply::Bytes(atlas(&cache(3)))).unwrap());
        let snapshot = opening.finish().unwrap();
        assert_eq!(snapshot.images().len(), 3);
        assert_eq!(reopened(&snapshot, None).images().len(), 3, "{spelt}");
        let plain = Opening::new(bytes, options(false)).unwrap().finish().unwrap();
        assert_eq!(plain.images().len(), 2, "the embedded one was found at {spelt}");
    }
}

#[test]
fn a_file_name_that_no_file_can_have() {
    for name in ["/x/".to_owned(), "/".to_owned() + &"n".repeat(4000), String::new(), "/..".to_owned()] {
        let process = process().with("dsc1.file", text(&name));
        let mut opening = Opening::new(archive(&process, None), options(false)).unwrap();
        assert!(opening.offer(&Supply::Bytes(atlas(&cache(3)))).unwrap());
        assert_eq!(reopened(&opening.finish().unwrap(), None).images().len(), 3);
    }
}

#[test]
fn a_damaged_snapshot_keeps_what_it_was() {
    let process = process().with("imgs[0].segs[0].size", Tree::Int(-1));
    let snapshot = open_with(&process, Some(&cache(3)), true);
    let bytes = Bytes::from(snapshot.to_bytes(None).unwrap());
    let before = archive(&process, Some(&cache(3)));
    let entry = |bytes: &Bytes| {
        Archive::from_bytes(bytes.clone(), &Limits::DEFAULT).unwrap().find("process.plist").unwrap().data().to_vec()
    };
    assert_eq!(entry(&bytes), entry(&before));
    assert!(Opening::new(bytes, options(false)).is_err());
}
