//! What the headers of a cache tell equals what dyld's builder and scavenger wrote of it, and what independent readers
//! saw.
//!
//! The fixtures are no part of the project: `DYLD_ATLAS_FIXTURES`, by default `../shared/fixtures` beside the checkout.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::path::Path;

use atlas_core::archive::Archive;
use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::{self, CacheGroup, KnownCache, NamedCache, RecordOrigin, Supply, scavenge};
use atlas_core::schema::Policy;
use serde_json::Value;
use support::caches::{cache_folder, cache_json, number};
use support::expected::{Dict, dict, follow, integer, text};

/// Caches of which there is an atlas: folder, main files, packing of what stands beside.
const WITH_ATLAS: [(&str, &[&str], &str); 5] = [
    ("built-1378/arm64-v2-split", &["dyld_shared_cache_arm64"], ""),
    ("built-1378/arm64-universal", &["dyld_shared_cache_arm64", "dyld_shared_cache_arm64.development"], ""),
    ("built-1378/arm64e-v5", &["dyld_shared_cache_arm64e"], ""),
    ("built-1378/x86_64-single", &["dyld_shared_cache_x86_64"], ""),
    ("scale/big-arm64e", &["dyld_shared_cache_arm64e", "dyld_shared_cache_arm64e.development"], ".xz"),
];

fn group(main: &Path, mode: Mode) -> CacheGroup {
    CacheGroup::open(main, &mut |path| Bytes::open(path, mode)).unwrap()
}

fn scavenged(main: &Path, mode: Mode) -> KnownCache {
    scavenge(&group(main, mode), mode, Policy::default()).unwrap()
}

/// The cache called `name` in the expectation of a property list.
fn expected_cache(root: &Value, name: &str) -> Option<Dict> {
    let names = dict(&dict(root)["names"]);
    names.get(name).map(|cache| dict(&follow(root, cache)))
}

fn uuid_of(value: &Value) -> String {
    value["data"].as_str().unwrap().to_owned()
}

/// All that a record says, `psze` aside.
fn compare(place: &str, known: &KnownCache, root: &Value, expected: &Dict) {
    assert_eq!(known.uuid().simple().to_string(), uuid_of(&expected["uuid"]), "{place}");
    assert_eq!(known.preferred_load_address(), integer(&expected["padr"]), "{place}");
    assert_eq!(known.vm_size(), integer(&expected["size"]), "{place}");
    assert_eq!(known.symbol_file_name().map(str::to_owned), expected.get("snme").map(text), "{place}");
    let symbols = known.symbol_file_uuid().map(|uuid| uuid.simple().to_string());
    assert_eq!(symbols, expected.get("suid").map(uuid_of), "{place}");
    let files = follow(root, &expected["dscs"]);
    let files = files.as_array().unwrap();
    assert_eq!(known.subcaches().len(), files.len(), "{place}");
    for (found, expected) in known.subcaches().iter().zip(files.iter().map(|file| dict(&follow(root, file)))) {
        let place = format!("{place} {}", found.name);
        assert_eq!(found.name, text(&expected["name"]), "{place}");
        assert_eq!(found.uuid.simple().to_string(), uuid_of(&expected["uuid"]), "{place}");
        let words = [found.vm_offset, found.vm_size, found.file_size, found.preferred_load_address];
        assert_eq!(words, ["voff", "size", "fsze", "padr"].map(|key| integer(&expected[key])), "{place}");
        let mappings = follow(root, &expected["maps"]);
        let mappings = mappings.as_array().unwrap();
        assert_eq!(found.mappings.len(), mappings.len(), "{place}");
        for (found, expected) in found.mappings.iter().zip(mappings.iter().map(dict)) {
            let words = [found.preferred_load_address, found.size, found.file_offset, found.max_protection];
            assert_eq!(words, ["padr", "size", "foff", "prot"].map(|key| integer(&expected[key])), "{place}");
        }
    }
    let images = follow(root, &expected["imgs"]);
    let images = images.as_array().unwrap();
    let columns = known.columns();
    assert_eq!((known.image_count() as usize, columns.images.len()), (images.len(), images.len()), "{place}");
    for (index, expected) in images.iter().map(|image| dict(&follow(root, image))).enumerate() {
        let (image, place) = (columns.images[index], format!("{place} image {index}"));
        let name = known.text(image.install_name).map(|name| name.decode_lossy().into_owned());
        assert_eq!(name, expected.get("name").map(text), "{place}");
        assert_eq!(image.preferred_load_address, integer(&expected["padr"]), "{place}");
        assert_eq!(uuid::Uuid::from_bytes(image.uuid).simple().to_string(), uuid_of(&expected["uuid"]), "{place}");
        let expected = follow(root, &expected["segs"]);
        let expected = expected.as_array().unwrap();
        let segments = columns.segments_of(index);
        assert_eq!(segments.len(), expected.len(), "{place}");
        for (found, expected) in segments.iter().zip(expected.iter().map(|segment| dict(&follow(root, segment)))) {
            assert_eq!(known.text(found.name).unwrap().decode_lossy(), text(&expected["name"]), "{place}");
            let row = atlas_core::schema::SegmentRow::from(found);
            let words = [row.preferred_load_address, row.vm_size, row.file_size, u64::from(row.permissions)];
            assert_eq!(words, ["padr", "size", "fsze", "perm"].map(|key| integer(&expected[key])), "{place}");
            assert_eq!(row.file_offset, Some(integer(&expected["foff"])), "{place}");
        }
    }
}

#[test]
fn headers_tell_what_the_builder_and_the_scavenger_of_dyld_wrote() {
    for (name, mains, packed) in WITH_ATLAS {
        let Some(folder) = cache_folder(name) else { return };
        let atlas = cache_json(&format!("{name}/atlas.expected.json{packed}")).unwrap();
        let other = cache_json(&format!("{name}/scavenged.expected.json{packed}")).unwrap();
        for main in mains {
            let known = scavenged(&folder.join(main), Mode::Map);
            assert_eq!(known.warnings(), [""; 0], "{name}");
            assert_eq!((known.origin(), known.raw_pointer_size()), (RecordOrigin::Scavenged, 8));
            compare(&format!("{name} {main} atlas"), &known, &atlas, &expected_cache(&atlas, main).unwrap());
            if let Some(expected) = expected_cache(&other, main) {
                compare(&format!("{name} {main} scavenged"), &known, &other, &expected);
            }
        }
    }
}

#[test]
fn copied_and_mapped_files_tell_the_same() {
    let Some(folder) = cache_folder("built-1378/arm64e-v5") else { return };
    let main = folder.join("dyld_shared_cache_arm64e");
    let (mapped, copied) = (scavenged(&main, Mode::Map), scavenged(&main, Mode::Copy));
    assert_eq!(mapped.columns().images, copied.columns().images);
    assert_eq!(mapped.columns().segments, copied.columns().segments);
}

/// Address, UUID and path of each image; name, address and sizes of each segment.
type Facts = Vec<(u64, String, String, Vec<(String, [u64; 4])>)>;

fn facts(known: &KnownCache) -> Facts {
    let name = |position| known.text(position).unwrap().decode_lossy().into_owned();
    let columns = known.columns();
    let images = columns.images.iter().enumerate();
    let segments = |index| {
        columns.segments_of(index).iter().map(|segment| {
            let row = atlas_core::schema::SegmentRow::from(segment);
            (name(row.name), [row.preferred_load_address, row.vm_size, row.file_offset.unwrap(), row.file_size])
        })
    };
    images
        .map(|(index, image)| {
            let uuid = uuid::Uuid::from_bytes(image.uuid).simple().to_string().to_uppercase();
            (image.preferred_load_address, uuid, name(image.install_name), segments(index).collect())
        })
        .collect()
}

#[test]
fn headers_of_real_caches_tell_what_another_reader_saw() {
    for (folder, main) in [
        ("real/arm64-two-images", "dyld_shared_cache_arm64"),
        ("real/arm64-dyld1042", "dyld_shared_cache_arm64"),
        ("real/arm64e-objc", "dyld_shared_cache_arm64e"),
    ] {
        let Some(path) = cache_folder(folder) else { return };
        let expected = cache_json(&format!("{folder}/{main}.facts.json")).unwrap();
        let known = scavenged(&path.join(main), Mode::Map);
        assert_eq!(known.warnings(), [""; 0], "{folder}");
        let expected: Facts = support::list(&expected["images"])
            .iter()
            .map(|image| {
                let segments = support::list(&image["segments"]).iter().map(|segment| {
                    (segment[0].as_str().unwrap().to_owned(), [1, 2, 3, 4].map(|field| number(&segment[field])))
                });
                let text = |key: &str| image[key].as_str().unwrap().to_owned();
                (number(&image["address"]), text("uuid"), text("path"), segments.collect())
            })
            .collect();
        assert_eq!(facts(&known), expected, "{folder}");
        let file = &known.subcaches()[0];
        assert!(file.vm_size != 0 && known.vm_size() >= file.vm_size && known.vm_size() < 1 << 32, "{folder}");
    }
}

#[test]
fn split_caches_tell_what_their_source_told() {
    let Some(source) = cache_folder("real/arm64e-objc") else { return };
    let source = facts(&scavenged(&source.join("dyld_shared_cache_arm64e"), Mode::Map));
    let Some(list) = cache_json("split/MANIFEST.json") else { return };
    for split in support::list(&list) {
        let (folder, main) = (split["dir"].as_str().unwrap(), split["main"].as_str().unwrap());
        let Some(path) = cache_folder(&format!("split/{folder}")) else { return };
        let known = scavenged(&path.join(main), Mode::Map);
        assert_eq!(known.warnings(), [""; 0], "{folder}");
        assert_eq!(known.subcaches().len(), 4, "{folder}");
        let found = facts(&known);
        assert_eq!(found.len() as u64, number(&split["image_count"]), "{folder}");
        // Offsets are those in another file; one image of the source made room for a header.
        let unplaced = |facts: &Facts| -> Facts {
            let clear = |(name, [address, size, _, file_size]): &(String, [u64; 4])| {
                (name.clone(), [*address, *size, 0, *file_size])
            };
            facts
                .iter()
                .map(|(address, uuid, path, segments)| {
                    (*address, uuid.clone(), path.clone(), segments.iter().map(clear).collect())
                })
                .collect()
        };
        let rest: Facts =
            unplaced(&source).into_iter().filter(|image| found.iter().any(|other| other.0 == image.0)).collect();
        assert_eq!(unplaced(&found), rest, "{folder}");
    }
}

#[test]
fn an_atlas_from_headers_is_what_the_builder_of_dyld_wrote() {
    for (name, mains, packed) in WITH_ATLAS {
        let Some(folder) = cache_folder(name) else { return };
        let expected = cache_json(&format!("{name}/atlas.expected.json{packed}")).unwrap();
        let known: Vec<_> = mains.iter().map(|main| scavenged(&folder.join(main), Mode::Map)).collect();
        let caches: Vec<_> = mains.iter().zip(&known).map(|(leaf, known)| NamedCache { leaf, known }).collect();
        let bytes: Bytes = cache::atlas(&caches, None).unwrap().into();

        let archive = Archive::from_bytes(bytes.clone(), &Policy::default().limits).unwrap();
        let manifest = cache_json(&format!("{}/MANIFEST.json", name.split('/').next().unwrap())).unwrap();
        let caches = support::list(&manifest["caches"]).iter();
        let of_builder = caches.clone().find(|cache| name.ends_with(cache["name"].as_str().unwrap())).unwrap();
        let of_builder = support::list(&of_builder["plists"]).iter();
        let of_builder = of_builder.clone().find(|list| list["file"].as_str().unwrap().starts_with("atlas")).unwrap();
        let links: Vec<_> = support::list(&of_builder["archive_symlinks"]).iter().map(|link| link[0].clone()).collect();
        let paths: Vec<_> =
            archive.entries().map(|entry| String::from_utf8_lossy(entry.path().unwrap()).into_owned()).collect();
        let file = of_builder["archive_path"].as_str().unwrap();
        assert_eq!(paths.last().map(String::as_str), Some(file), "{name}");
        let found: Vec<Value> = paths[..paths.len() - 1].iter().cloned().map(Value::String).collect();
        assert_eq!(found, links, "{name}");
        for link in &links {
            assert_eq!(archive.find(link.as_str().unwrap()).unwrap().path().unwrap(), file.as_bytes(), "{name}");
        }

        for (main, known) in mains.iter().zip(&known) {
            let supply = Supply::Bytes(bytes.clone());
            let read = cache::load(&supply, known.uuid(), Policy::default(), Mode::Map, RecordOrigin::Provider);
            let read = read.unwrap().unwrap();
            let expected_cache = expected_cache(&expected, main).unwrap();
            compare(&format!("{name} {main}"), &read, &expected, &expected_cache);
            assert_eq!(read.raw_pointer_size(), integer(&expected_cache["psze"]), "{name} {main}");
        }
    }
}
