//! Shared caches that others made, file by file and as groups, against what independent readers say of them.
//!
//! The fixtures are no part of the project: `DYLD_ATLAS_FIXTURES`, by default `../shared/fixtures` beside the checkout.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

#[path = "../support/mod.rs"]
mod support;

mod oracle;
mod tables;

use std::path::Path;

use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::{CacheFile, CacheGroup, Mapping};
use serde_json::Value;
use support::caches::{cache_folder, cache_json, number};
use support::list;

const BUILT: [&str; 4] = ["arm64-universal", "arm64-v2-split", "arm64e-v5", "x86_64-single"];

fn group(main: &Path) -> CacheGroup {
    CacheGroup::open(main, &mut |path| Bytes::open(path, Mode::Map)).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn uuid(uuid: uuid::Uuid) -> String {
    format!("{:X}", uuid.as_hyphenated())
}

fn path(group: &CacheGroup, offset: u32) -> String {
    String::from_utf8(group.main().file.path_at(offset).unwrap().to_vec()).unwrap()
}

/// The same images by both tables, and each path and UUID as expected.
fn compare_images(group: &CacheGroup, expected: &[(u64, &str, String)]) {
    let file = &group.main().file;
    let found: Vec<_> = file.images().map(|image| (image.address.0, path(group, image.path_offset))).collect();
    let wanted: Vec<_> = expected.iter().map(|(address, path, _)| (*address, (*path).to_owned())).collect();
    assert_eq!(found, wanted);
    assert_eq!(file.text_infos().len(), expected.len());
    for (text, (address, name, id)) in file.text_infos().zip(expected) {
        assert_eq!(
            (text.address.0, path(group, text.path_offset), uuid(text.uuid)),
            (*address, (*name).to_owned(), id.clone())
        );
    }
}

/// `[address, size, file offset, flags, maximal protection, initial protection]`, as far as the facts have them.
fn compare_mapping(mapping: &Mapping, expected: &Value) {
    assert_eq!(mapping.address.0, number(&expected["address"]));
    assert_eq!(mapping.size, number(&expected["size"]));
    assert_eq!(mapping.file_offset, number(&expected["file_offset"]));
    assert_eq!(u64::from(mapping.max_protection), number(&expected["max_prot"]));
    assert_eq!(u64::from(mapping.initial_protection), number(&expected["init_prot"]));
    if let Some(flags) = expected["flags"].as_u64() {
        assert_eq!(mapping.flags, flags);
    }
    if let Some(size) = expected["slide_size"].as_u64() {
        let info = mapping.slide_info.clone().unwrap_or_default();
        assert_eq!(info.end - info.start, size);
        assert!(size == 0 || info.start == number(&expected["slide_offset"]));
    }
}

fn compare_header(file: &CacheFile, expected: &Value) {
    let header = file.header();
    let pair = |key: &str| (number(&expected[key][0]), number(&expected[key][1]));
    let table =
        |table: Option<atlas_core::cache::file::Table>| table.map_or((0, 0), |table| (table.offset, table.count));
    let bytes =
        |range: Option<atlas_core::cache::file::FileRange>| range.map_or((0, 0), |range| (range.offset, range.size));
    let memory = |range: Option<atlas_core::cache::file::AddressRange>| {
        range.map_or((0, 0), |range| (range.address.0, range.size))
    };
    let offsets = |range: Option<atlas_core::cache::file::OffsetRange>| {
        range.map_or((0, 0), |range| (range.vm_offset, range.size))
    };
    assert_eq!(file.magic(), text(&expected["magic"]));
    assert_eq!(u64::from(header.mapping_offset), number(&expected["mapping_offset"]));
    assert_eq!(u64::from(header.mapping_count), number(&expected["mapping_count"]));
    assert_eq!(table(header.images_old), pair("images_old"));
    assert_eq!(bytes(header.code_signature), pair("code_signature"));
    assert_eq!(bytes(header.local_symbols), pair("local_symbols"));
    assert_eq!(header.uuid.map(uuid).as_deref(), expected["uuid"].as_str());
    assert_eq!(header.cache_type, Some(number(&expected["cache_type"])));
    let dyld = (header.dyld_in_cache_header.unwrap().0, header.dyld_in_cache_entry.unwrap());
    assert_eq!(dyld, pair("dyld_in_cache"));
    assert_eq!(table(header.images_text), pair("images_text"));
    assert_eq!(memory(header.patch_info), pair("patch_info"));
    assert_eq!(header.platform.map(u64::from), expected["platform"].as_u64());
    assert_eq!(header.format.map(|format| u64::from(format.0)), expected["format_bits"].as_u64());
    assert_eq!(header.shared_region_start.unwrap().0, number(&expected["shared_region_start"]));
    assert_eq!(header.shared_region_size, Some(number(&expected["shared_region_size"])));
    assert_eq!(header.max_slide, Some(number(&expected["max_slide"])));
    assert_eq!(memory(header.dylibs_trie), pair("dylibs_trie"));
    assert_eq!(table(header.mapping_with_slide), pair("mapping_with_slide"));
    assert_eq!(header.os_version.map(|version| u64::from(version.0)), expected["os_version"].as_u64());
    assert_eq!(table(header.subcaches), pair("sub_caches"));
    assert_eq!(uuid(header.symbol_file_uuid.unwrap_or_default()), text(&expected["symbol_file_uuid"]));
    assert_eq!(table(header.images), pair("images"));
    assert_eq!(header.sub_type.map(u64::from), expected["cache_sub_type"].as_u64());
    assert_eq!(offsets(header.objc_optimizations), pair("objc_opts"));
    assert_eq!(offsets(header.cache_atlas), pair("cache_atlas"));
    assert_eq!(offsets(header.dynamic_data), pair("dynamic_data"));
    assert_eq!(table(header.tpro), pair("tpro"));
}

#[test]
fn caches_of_the_released_builder() {
    for name in BUILT {
        let Some(folder) = cache_folder(&format!("built-1378/{name}")) else { return };
        for (main, facts) in cache_json(&format!("built-1378/{name}/facts.json.gz")).unwrap().as_object().unwrap() {
            let group = group(&folder.join(main));
            assert_eq!((group.missing(), group.warnings()), (&[][..], &[][..]), "{main}");
            assert_eq!(group.pointer_size(), 8);
            let files = group.files().iter().chain(group.symbols());
            for file in files.clone() {
                let expected = list(&facts["files"]).iter().find(|it| it["name"] == *file.name).unwrap();
                compare_header(&file.file, &expected["header"]);
                assert_eq!(file.file.mappings().len(), list(&expected["mappings"]).len());
                for (mapping, expected) in file.file.mappings().iter().zip(list(&expected["mappings"])) {
                    compare_mapping(mapping, expected);
                }
                // Eight bytes of the newest headers, which nobody knows.
                assert!(file.file.unknown_header().iter().all(|byte| *byte == 0));
            }
            assert_eq!(files.count(), list(&facts["files"]).len(), "{main}");
            let entries = list(&facts["sub_cache_entries"]);
            assert_eq!(group.main().file.subcache_entries().len(), entries.len());
            for (entry, expected) in group.main().file.subcache_entries().iter().zip(entries) {
                assert_eq!(entry.suffix, text(&expected["suffix"]));
                assert_eq!(uuid(entry.uuid), text(&expected["uuid"]));
                assert_eq!(entry.vm_offset, number(&expected["vm_offset"]));
            }
            let images = list(&facts["images"]);
            let expected: Vec<_> = images
                .iter()
                .map(|it| (number(&it["address"]), text(&it["path"]), text(&it["uuid"]).to_owned()))
                .collect();
            compare_images(&group, &expected);
            for (info, image) in group.main().file.text_infos().zip(images) {
                assert_eq!(u64::from(info.text_size), number(&image["text_size"]));
                let place = group.at(info.address.0).unwrap();
                assert_eq!(group.files()[place.file].name, text(&image["in_file"]));
            }
            compare_segments(&group, images);
        }
    }
}

/// The bytes of each segment lie where its load command says, in the file that the address leads to.
fn compare_segments(group: &CacheGroup, images: &[Value]) {
    for segment in images.iter().flat_map(|image| list(&image["segments"])) {
        let place = group.at(number(&segment["vmaddr"])).unwrap();
        assert_eq!(place.file_offset, number(&segment["fileoff"]), "{segment}");
        assert!(place.left >= number(&segment["vmsize"]));
    }
}

#[test]
fn real_caches() {
    let Some(manifest) = cache_json("real/MANIFEST.json") else { return };
    let mut seen = 0;
    for fixture in list(&manifest["fixtures"]).iter().filter(|it| it["facts"].is_string()) {
        let file = support::fixtures(&format!("cache/real/{}", text(&fixture["file"]))).unwrap();
        let group = group(&file);
        assert_eq!((group.missing(), group.warnings(), group.files().len()), (&[][..], &[][..], 1));
        let header = group.main().file.header();
        assert_eq!(group.main().file.magic(), text(&fixture["magic"]));
        assert_eq!(u64::from(header.mapping_offset), number(&fixture["mapping_offset"]));
        assert_eq!(group.main().uuid.map(uuid).as_deref(), fixture["cache_uuid"].as_str());
        assert_eq!(header.shared_region_size, Some(number(&fixture["shared_region_size"])));
        assert!(header.format.unwrap().locally_built());
        let facts = cache_json(&format!("real/{}", text(&fixture["facts"]))).unwrap();
        let mappings = group.main().file.mappings();
        assert_eq!(mappings.len(), list(&facts["mappings"]).len());
        for (mapping, expected) in mappings.iter().zip(list(&facts["mappings"])) {
            compare_mapping(mapping, expected);
            assert_eq!(mapping.slide_info.is_some(), expected["slide_version"] != 0);
        }
        let expected: Vec<_> = list(&facts["images"])
            .iter()
            .map(|image| {
                let id = uuid::Uuid::parse_str(text(&image["uuid"])).unwrap();
                (number(&image["address"]), text(&image["path"]), uuid(id))
            })
            .collect();
        compare_images(&group, &expected);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn real_caches_in_several_files() {
    let Some(manifest) = cache_json("split/MANIFEST.json") else { return };
    for fixture in list(&manifest) {
        let folder = cache_folder(&format!("split/{}", text(&fixture["dir"]))).unwrap();
        let group = group(&folder.join(text(&fixture["main"])));
        assert_eq!((group.missing(), group.warnings()), (&[][..], &[][..]), "{fixture}");
        assert!(group.symbols().is_some());
        let entries: Vec<_> = group
            .main()
            .file
            .subcache_entries()
            .iter()
            .map(|it| (it.suffix.as_str(), uuid(it.uuid), it.vm_offset))
            .collect();
        let expected: Vec<_> = list(&fixture["subcaches"])
            .iter()
            .map(|it| (text(&it[0]), text(&it[1]).to_owned(), number(&it[2])))
            .collect();
        assert_eq!(entries, expected);
        assert_eq!(group.files().len(), entries.len() + 1);
        let images = list(&fixture["images"]);
        let expected: Vec<_> =
            images.iter().map(|it| (number(&it[0]), text(&it[1]), text(&it[2]).to_owned())).collect();
        compare_images(&group, &expected);
        if text(&fixture["dir"]) == "macos27-x1" {
            let file = &group.main().file;
            assert_eq!(file.architecture(), "arm64e.x1");
            assert_eq!(file.header().cpu.unwrap().name(), "arm64e.x1");
        }
        same_memory_as_the_source(&group);
    }
}

/// Cutting a cache into files moves no byte in memory, except where headers of files and pointers were written anew.
fn same_memory_as_the_source(group: &CacheGroup) {
    let source = self::group(&support::fixtures("cache/real/arm64e-objc/dyld_shared_cache_arm64e").unwrap());
    let text = &source.main().file.mappings()[0];
    for image in group.main().file.images() {
        let (ours, theirs) = (group.slice(image.address.0, 32).unwrap(), source.slice(image.address.0, 32).unwrap());
        assert_eq!(ours[..], theirs[..]);
    }
    assert!(group.at(text.address.0 - 1).is_none());
}

#[test]
fn a_cache_of_the_size_of_a_system() {
    let name = "scale/big-arm64e";
    let Some(folder) = cache_folder(name) else { return };
    let facts = cache_json(&format!("{name}/facts.json.xz")).unwrap();
    for main in ["dyld_shared_cache_arm64e", "dyld_shared_cache_arm64e.development"] {
        let group = group(&folder.join(main));
        assert_eq!((group.missing(), group.warnings()), (&[][..], &[][..]), "{main}");
        let is_facts = main == text(&facts["main_file"]);
        for (file, expected) in group.files().iter().chain(group.symbols()).zip(list(&facts["files"])) {
            assert_eq!(file.name == text(&expected["name"]), is_facts || !file.name.contains("development"));
            assert_eq!(file.file.bytes().len() as u64, number(&expected["size"]));
            assert!(!is_facts || file.uuid.map(uuid).as_deref() == expected["uuid"].as_str());
            for (mapping, expected) in file.file.mappings().iter().zip(list(&expected["mappings"])) {
                compare_mapping(mapping, expected);
            }
        }
        let images = list(&facts["images"]);
        let expected: Vec<_> =
            images.iter().map(|it| (number(&it["address"]), text(&it["path"]), text(&it["uuid"]).to_owned())).collect();
        compare_images(&group, &expected);
        for address in list(&facts["addresses"]) {
            let place = group.at(number(&address["address"]));
            assert_eq!(place.is_some(), address["file"].is_string(), "{address}");
            let Some(place) = place else { continue };
            assert_eq!(place.file_offset, number(&address["file_offset"]), "{address}");
            assert!(!is_facts || group.files()[place.file].name == text(&address["file"]), "{address}");
        }
    }
}

#[test]
fn a_malformed_cache_is_refused() {
    let Some(path) = support::fixtures("cache/real/malformed/CVE-2022-1244") else { return };
    let error = CacheFile::parse(Bytes::open(&path, Mode::Map).unwrap()).unwrap_err();
    assert!(error.to_string().contains("mappingOffset"), "{error}");
}
