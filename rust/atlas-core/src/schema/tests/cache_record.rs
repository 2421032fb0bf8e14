//! One cache of an atlas.

use uuid::Uuid;

use super::records::{self, BASE, CACHE, int};
use super::tree::{Tree, dict, text};
use super::{cache, parse, parts, policy};
use crate::schema::{CacheRecord, Report};

fn path(path: &str) -> String {
    format!("uuids.{CACHE}.{path}")
}

fn atlas() -> Tree {
    records::atlas(records::cache(vec![records::image(1, BASE, &records::SEGMENTS)]))
}

#[test]
fn everything_that_an_atlas_says() {
    let mut tree = atlas().with(&path("snme"), text("first")).with(&path("suid"), records::uuid(5));
    tree.at(&format!("uuids.{CACHE}")).pairs().push((text("snme"), records::uuid(6)));
    let (record, warnings) = cache(&tree, policy(false)).unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!((record.preferred_load_address, record.vm_size, record.raw_pointer_size), (BASE, 0x1000_0000, 4));
    assert_eq!(record.symbol_file_name.as_deref(), Some("first"), "of two the first");
    assert_eq!(record.symbol_file_uuid, Some(Uuid::from_u128(5)));
    let files = record.subcaches();
    assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["dyld_shared_cache_arm64e", ".01"]);
    let file = &files[1];
    assert_eq!((file.vm_offset, file.vm_size, file.file_size), (0x4_0000, 0x4_0000, 0x3_0000));
    assert_eq!((file.preferred_load_address, file.uuid), (BASE + 0x4_0000, Uuid::from_u128(0x4_0001)));
    let mapping = file.mappings[1];
    assert_eq!((mapping.preferred_load_address, mapping.size), (BASE + 0x5_0000, 0x1_0000));
    assert_eq!((mapping.file_offset, mapping.max_protection), (0x200, 3));
}

#[test]
fn an_atlas_of_other_caches() {
    let mut report = Report::new(false, "atlas");
    let other = Uuid::from_u128(1);
    assert!(CacheRecord::check(parse(&atlas()), other, policy(false), &mut report).unwrap().is_none());
    let mut tree = atlas();
    tree.at("uuids").pairs().push((text("no UUID"), Tree::True));
    tree.at("uuids").pairs().push((text(&"F".repeat(100_000)), Tree::True));
    tree.at("uuids").pairs().push((Tree::Utf16(other.to_string()), Tree::True));
    assert_eq!(CacheRecord::uuids(&parse(&tree)).unwrap(), [Uuid::parse_str(CACHE).unwrap(), other]);
    assert!(CacheRecord::uuids(&parse(&Tree::True)).is_err());
    assert!(CacheRecord::uuids(&parse(&dict([]))).is_err());
}

#[test]
fn a_record_under_the_uuid_of_another() {
    let tree = atlas().with(&path("uuid"), records::uuid(1));
    let error = cache(&tree, policy(false)).unwrap_err();
    let (place, _, expected, found) = parts(&error);
    assert_eq!((place, expected, found), (&*path("uuid"), CACHE, "00000000-0000-0000-0000-000000000001"));
    let (record, warnings) = cache(&tree, policy(true)).unwrap();
    assert_eq!((record.uuid.to_string().to_uppercase(), warnings.len()), (CACHE.to_owned(), 1));
}

#[test]
fn the_root_of_no_atlas() {
    for (tree, place) in [
        (dict([]), "uuids"),
        (dict([("uuids", Tree::True)]), "uuids"),
        (dict([("uuids", dict([(CACHE, Tree::True)]))]), ""),
    ] {
        let place = if place.is_empty() { format!("uuids.{CACHE}") } else { place.to_owned() };
        for lenient in [false, true] {
            assert_eq!(parts(&cache(&tree, policy(lenient)).unwrap_err()).0, place);
        }
    }
}

#[test]
fn broken_files_are_left_out() {
    let tree = atlas().with(&path("dscs[0].maps[1].size"), Tree::Int(-1));
    let (record, warnings) = cache(&tree, policy(true)).unwrap();
    assert_eq!(record.subcaches().iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), [".01"]);
    assert_eq!(warnings.len(), 1);
}

#[test]
fn a_file_of_too_many_mappings() {
    let mapping = |count| Tree::Array(vec![records::mapping(BASE); count]);
    assert!(cache(&atlas().with(&path("dscs[1].maps"), mapping(1024)), policy(false)).is_ok());
    for lenient in [false, true] {
        let error = cache(&atlas().with(&path("dscs[1].maps"), mapping(1025)), policy(lenient)).unwrap_err();
        assert!(super::is_limit(&error), "{error}");
        assert_eq!(error.location().key_path.as_deref(), Some(&*path("dscs[1].maps")));
    }
}

#[test]
fn addresses_of_all_64_bits() {
    let tree = atlas().with(&path("padr"), int(u64::MAX)).with(&path("imgs[0].padr"), Tree::Wide(1 << 63));
    let (record, _) = cache(&tree, policy(false)).unwrap();
    assert_eq!(record.preferred_load_address, u64::MAX);
    assert_eq!(record.images.row(0).unwrap().preferred_load_address, Some(1 << 63));
}
