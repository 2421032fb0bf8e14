//! Where the record of the cache comes from, and what is wrong with it.

use std::path::PathBuf;

use super::*;
use crate::archive::Stamp;
use crate::cache::{RecordOrigin, Supply};
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::schema::tests::records::{BASE, image, own_image};
use crate::schema::tests::tree::text;

/// A folder of this test's own with an atlas beside a cache that is not there.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, atlas: &[u8]) -> Self {
        let folder = std::env::temp_dir().join(format!("dyld-atlas-opening-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("cache_arm64e.atlas"), atlas).unwrap();
        Self(folder)
    }

    fn cache(&self) -> String {
        self.0.join("cache_arm64e.development").to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn cache(images: u64) -> Tree {
    records::cache((0..images).map(|n| image(n.into(), BASE + 0x1000 * n, &[])).collect())
}

fn process(path: &str) -> Tree {
    records::process(vec![]).with("dsc1", records::reference(0, &[0xff]).with("file", text(path)))
}

fn origin(snapshot: &Snapshot) -> Option<(RecordOrigin, usize)> {
    snapshot.shared_cache().map(|cache| (cache.known().origin(), snapshot.images().len()))
}

#[test]
fn a_provider_then_beside_the_cache_then_embedded() {
    let folder = Folder::new("order", &atlas(&cache(2)));
    let bytes = archive(&process(&folder.cache()), Some(&cache(3)));
    let opening = || Opening::new(bytes.clone(), options(false)).unwrap();

    let mut all = opening();
    let wanted = all.wanted().unwrap();
    assert_eq!((wanted.uuid, wanted.path), (Some(cache_uuid()), Some(folder.cache().as_str().into())));
    assert!(all.offer(&Supply::Bytes(atlas(&cache(1)))).unwrap());
    assert!(all.wanted().is_none(), "it was found");
    assert!(!all.offer(&Supply::Bytes(atlas(&cache(5)))).unwrap(), "and nothing more is taken");
    all.offer_installed();
    assert_eq!(origin(&all.finish().unwrap()), Some((RecordOrigin::Provider, 1)));

    let mut installed = opening();
    installed.offer_installed();
    assert_eq!(origin(&installed.finish().unwrap()), Some((RecordOrigin::BesideCache, 2)));
    let embedded = opening().finish().unwrap();
    assert_eq!(origin(&embedded), Some((RecordOrigin::Embedded, 3)));
    assert_eq!(embedded.warnings(), [""; 0]);
    // A file that a provider names.
    let mut file = opening();
    assert!(file.offer(&Supply::File(folder.0.join("cache_arm64e.atlas"))).unwrap());
    assert_eq!(origin(&file.finish().unwrap()), Some((RecordOrigin::Provider, 2)));
}

#[test]
fn no_record_at_all() {
    let snapshot = open(&process("/nowhere/cache_arm64e"), None);
    assert!(snapshot.shared_cache().is_none() && snapshot.images().is_empty());
    assert_eq!(snapshot.warnings().len(), 1);
    assert!(snapshot.warnings()[0].contains(CACHE));
    let mut without = Opening::new(archive(&records::process(vec![own_image(1, 0)]), None), options(false)).unwrap();
    assert!(without.wanted().is_none());
    assert!(!without.offer(&Supply::Bytes(atlas(&cache(1)))).unwrap());
    without.offer_installed();
    assert_eq!(without.finish().unwrap().warnings(), [""; 0]);
}

#[test]
fn an_atlas_of_another_cache_is_passed_over() {
    let other = records::atlas(cache(1)).encode();
    let mut writer = ArchiveWriter::new();
    writer.add_file(entry_path(Uuid::from_u128(1)).as_bytes(), other).unwrap();
    let supply = Supply::Bytes(writer.to_bytes(None).unwrap().into());
    let mut opening = Opening::new(archive(&process("/x"), Some(&cache(3))), options(false)).unwrap();
    assert!(!opening.offer(&supply).unwrap());
    assert!(opening.wanted().is_some());
    assert_eq!(origin(&opening.finish().unwrap()), Some((RecordOrigin::Embedded, 3)));
}

#[test]
fn a_broken_offer() {
    let bytes = archive(&process("/x"), Some(&cache(3)));
    let garbage = || Supply::Bytes(b"no archive at all".to_vec().into());
    let nowhere = || Supply::File("/nowhere/x.atlas".into());
    let damaged = || Supply::Bytes(atlas(&cache(3).with("imgs[1]", Tree::True)));
    for supply in [garbage(), nowhere(), damaged()] {
        let error = Opening::new(bytes.clone(), options(false)).unwrap().offer(&supply).unwrap_err();
        assert_ne!(error.location().entry.as_deref(), Some("process.plist"), "{error}");
    }
    for supply in [garbage(), nowhere()] {
        let mut opening = Opening::new(bytes.clone(), options(true)).unwrap();
        assert!(!opening.offer(&supply).unwrap());
        let snapshot = opening.finish().unwrap();
        assert_eq!(origin(&snapshot), Some((RecordOrigin::Embedded, 3)));
        assert_eq!(snapshot.warnings().len(), 1);
        assert!(!snapshot.warnings()[0].contains("process.plist"), "{:?}", snapshot.warnings());
        assert!(snapshot.warnings()[0].starts_with("an atlas that was offered: "), "{:?}", snapshot.warnings());
    }
    let mut opening = Opening::new(bytes, options(true)).unwrap();
    assert!(opening.offer(&damaged()).unwrap());
    let snapshot = opening.finish().unwrap();
    assert_eq!(origin(&snapshot), Some((RecordOrigin::Provider, 2)));
    assert!(snapshot.warnings()[0].contains(&format!("uuids.{CACHE}.imgs[1]")), "{:?}", snapshot.warnings());
}

#[test]
fn a_broken_atlas_beside_the_cache_is_only_noted() {
    let folder = Folder::new("broken", b"no archive at all");
    let bytes = archive(&process(&folder.cache()), Some(&cache(3)));
    for lenient in [false, true] {
        let mut opening = Opening::new(bytes.clone(), options(lenient)).unwrap();
        opening.offer_installed();
        let snapshot = opening.finish().unwrap();
        assert_eq!(origin(&snapshot), Some((RecordOrigin::Embedded, 3)));
        assert_eq!(snapshot.warnings().len(), 1);
        assert!(snapshot.warnings()[0].contains("cache_arm64e.atlas: "), "{:?}", snapshot.warnings());
    }
}

#[test]
fn paths_that_are_not_looked_for() {
    for path in ["cache_arm64e", "", "./cache", "../cache", "\\\\host\\share\\cache", "//host/share/cache", "C:\\cache"]
    {
        let mut opening = Opening::new(archive(&process(path), Some(&cache(1))), options(false)).unwrap();
        opening.offer_installed();
        let snapshot = opening.finish().unwrap();
        assert_eq!((origin(&snapshot), snapshot.warnings().len()), (Some((RecordOrigin::Embedded, 1)), 0), "{path}");
    }
    // No file can have such a name; that is noted, not raised.
    let mut opening = Opening::new(archive(&process("/a\0b"), Some(&cache(1))), options(false)).unwrap();
    opening.offer_installed();
    assert_eq!(opening.finish().unwrap().warnings().len(), 1);
}

#[test]
fn a_broken_embedded_record() {
    let broken = cache(3).with("psze", Tree::True);
    let bytes = archive(&process("/x"), Some(&broken));
    let error = Opening::new(bytes.clone(), options(false)).unwrap().finish().unwrap_err();
    assert_eq!(error.location().entry.as_deref(), Some(&*entry_path(cache_uuid())));
    assert_eq!(error.location().key_path, Some(format!("uuids.{CACHE}.psze")));
    let snapshot = Opening::new(bytes.clone(), options(true)).unwrap().finish().unwrap();
    assert_eq!((origin(&snapshot), snapshot.warnings().len()), (None, 2), "{:?}", snapshot.warnings());
    // Nobody looks at it where a better one is offered.
    let mut opening = Opening::new(bytes, options(false)).unwrap();
    assert!(opening.offer(&Supply::Bytes(atlas(&cache(1)))).unwrap());
    assert_eq!(opening.finish().unwrap().warnings(), [""; 0]);
}

#[test]
fn archives_that_are_no_snapshots() {
    let error = Opening::new(atlas(&cache(1)), options(true)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Archive(_)) && error.hint().is_some(), "{error}");
    let mut writer = ArchiveWriter::new();
    writer.add_file(b"process.plist", b"bplist00".to_vec()).unwrap();
    let error = Opening::new(writer.to_bytes(None).unwrap().into(), options(true)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Plist(_)), "{error}");
    assert_eq!(error.location().entry.as_deref(), Some("process.plist"));
}

#[test]
fn a_wrong_checksum() {
    let mut writer = ArchiveWriter::with_stamp(Stamp::Cksum);
    writer.add_file(b"process.plist", process("/nowhere/x").encode()).unwrap();
    let mut bytes = writer.to_bytes(None).unwrap();
    let letter = bytes.windows(8).position(|window| window == b"/nowhere").unwrap();
    bytes[letter + 1] = b'N';
    let error = Opening::new(bytes.clone().into(), options(false)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Archive(_)), "{error}");
    assert_eq!(error.location().entry.as_deref(), Some("process.plist"));
    let opening = Opening::new(bytes.into(), options(true)).unwrap();
    assert_eq!(opening.wanted().unwrap().path, Some("/Nowhere/x".into()));
    assert_eq!(opening.finish().unwrap().warnings().len(), 2);
}

#[test]
fn limits_hold_in_lenient_opening_too() {
    let mut options = options(true);
    options.policy.limits = Limits { images: 2, ..Limits::DEFAULT };
    let three = records::process((0..3).map(|n| own_image(n, 0)).collect());
    let error = Opening::new(archive(&three, None), options).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { .. }) && error.hint().is_none());
    let mut opening = Opening::new(archive(&process("/x"), Some(&cache(3))), options).unwrap();
    assert!(opening.offer(&Supply::Bytes(atlas(&cache(3)))).is_err());
    assert!(opening.finish().is_err());
}
