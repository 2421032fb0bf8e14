//! Paths, local symbols and the smaller tables of caches that others made.

use std::collections::BTreeMap;

use atlas_core::cache::tables::{DylibsTrie, FunctionVariants, Prewarming, embedded_atlas, tpro_mappings};
use atlas_core::cache::{LocalSymbols, discovery};
use serde_json::Value;

use super::support::caches::{cache_folder, cache_json, number};
use super::support::list;
use super::{BUILT, group, path, text};

/// Every cache of the fixtures: folder and main file.
const ALL: [(&str, &str); 13] = [
    ("real/arm64-two-images", "dyld_shared_cache_arm64"),
    ("real/arm64-dyld1042", "dyld_shared_cache_arm64"),
    ("real/arm64e-objc", "dyld_shared_cache_arm64e"),
    ("split/macos12-v1", "dyld_shared_cache_arm64e"),
    ("split/macos13-v2", "dyld_shared_cache_arm64e"),
    ("split/macos26-slide5", "dyld_shared_cache_arm64e"),
    ("split/macos27-x1", "dyld_shared_cache_arm64e_x1"),
    ("built-1378/arm64-universal", "dyld_shared_cache_arm64"),
    ("built-1378/arm64-universal", "dyld_shared_cache_arm64.development"),
    ("built-1378/arm64-v2-split", "dyld_shared_cache_arm64"),
    ("built-1378/arm64e-v5", "dyld_shared_cache_arm64e"),
    ("built-1378/x86_64-single", "dyld_shared_cache_x86_64"),
    ("scale/big-arm64e", "dyld_shared_cache_arm64e"),
];

#[test]
fn every_path_leads_to_its_image() {
    for (name, main) in ALL {
        let Some(folder) = cache_folder(name) else { return };
        let group = group(&folder.join(main));
        let trie = DylibsTrie::of(&group).unwrap().unwrap();
        let paths = trie.paths();
        // The split caches leave an image out and keep the trie, which numbers it still.
        let left_out = usize::from(name.starts_with("split/"));
        assert!(paths.faults.len() <= left_out * 2, "{name}: {:?}", paths.faults);
        let images: Vec<_> = group.main().file.images().map(|image| path(&group, image.path_offset)).collect();
        let own: BTreeMap<_, _> = paths.entries.iter().cloned().collect();
        assert_eq!(own.len(), paths.entries.len(), "{name}: each path stands once");
        if left_out == 0 {
            for (image, position) in images.iter().zip(0..) {
                assert_eq!(own.get(image), Some(&position), "{name}: {image}");
            }
        }
        for (path, position) in &own {
            assert_eq!(trie.find(path).unwrap(), Some(*position), "{name}: {path}");
            assert_eq!(trie.find(&format!("{path}/")).unwrap(), None);
        }
        if name.starts_with("scale") {
            let aliases = own.iter().filter(|(path, position)| images[**position as usize] != **path).count();
            assert!(aliases > 100, "{aliases} aliases, as /…/Name.framework/Name of a framework with versions");
        }
    }
}

#[test]
fn tables_that_no_builder_of_the_fixtures_fills() {
    for (name, main) in ALL {
        let Some(folder) = cache_folder(name) else { return };
        let group = group(&folder.join(main));
        assert!(tpro_mappings(&group).unwrap().is_empty());
        assert!(embedded_atlas(&group).unwrap().is_none());
        assert_eq!(Prewarming::of(&group).unwrap(), None);
        let variants = FunctionVariants::of(&group).unwrap();
        assert_eq!(variants.is_some(), name.starts_with("built") || name.starts_with("scale"), "{name}");
        assert!(variants.is_none_or(|variants| variants.entries.is_empty()));
    }
}

#[test]
fn local_symbols_of_every_image() {
    let Some(facts) = cache_json("scale/big-arm64e/facts.json.xz") else { return };
    let group = group(&cache_folder("scale/big-arm64e").unwrap().join("dyld_shared_cache_arm64e"));
    let symbols = LocalSymbols::of(&group).unwrap().unwrap();
    assert_eq!(symbols.len() as u64, number(&facts["totals"]["local_symbols"]));
    assert_eq!(symbols.nlist_size(), 16);
    let entries: BTreeMap<_, _> = symbols.entries().map(|entry| (symbols.image_address(entry).0, entry)).collect();
    let mut by_path = BTreeMap::new();
    for image in list(&facts["images"]) {
        let address = number(&image["address"]);
        let count = entries.get(&address).map_or(0, |entry| symbols.symbols(*entry).len());
        assert_eq!(count as u64, number(&image["locals"]), "{image}");
        by_path.insert(text(&image["path"]), address);
    }
    for fact in list(&facts["local_names"]) {
        for found in list(&fact["found"]) {
            let entry = entries[&by_path[text(&found["image"])]];
            let wanted = (text(&fact["name"]).as_bytes(), number(&found["address"]));
            assert!(symbols.symbols(entry).any(|it| (symbols.name(it), it.address.0) == wanted), "{fact}");
        }
    }
}

#[test]
fn local_symbols_of_caches_in_several_files() {
    for name in ["split/macos12-v1", "split/macos13-v2", "split/macos26-slide5", "split/macos27-x1"] {
        let Some(folder) = cache_folder(name) else { return };
        let main = if name.ends_with("x1") { "dyld_shared_cache_arm64e_x1" } else { "dyld_shared_cache_arm64e" };
        let group = group(&folder.join(main));
        let symbols = LocalSymbols::of(&group).unwrap().unwrap();
        let images: Vec<_> = group.main().file.images().map(|image| image.address).collect();
        let mut total = 0;
        for entry in symbols.entries() {
            let address = symbols.image_address(entry);
            assert!(images.contains(&address), "{name}");
            for symbol in symbols.symbols(entry) {
                // Their maker named them `_local_<library>_<offset>`, by the functions of each image.
                let text = String::from_utf8(symbols.name(symbol).to_vec()).unwrap();
                let offset = text.rsplit('_').next().unwrap();
                assert!(text.starts_with("_local_"), "{text}");
                let offset = u64::from_str_radix(offset.trim_start_matches("0x"), 16).unwrap();
                assert_eq!(symbol.address.0 - address.0, offset, "{text}");
                total += 1;
            }
        }
        assert_eq!((total, symbols.len()), (526, 526), "{name}");
    }
}

#[test]
fn local_symbols_of_the_released_builder() {
    for name in BUILT {
        let Some(folder) = cache_folder(&format!("built-1378/{name}")) else { return };
        let manifest = cache_json("built-1378/MANIFEST.json").unwrap();
        let fact = list(&manifest["caches"]).iter().find(|it| it["name"] == name).unwrap();
        for main in list(&fact["main_files"]).iter().map(text) {
            let group = group(&folder.join(main));
            let symbols = LocalSymbols::of(&group).unwrap();
            assert_eq!(symbols.is_some(), fact["local_symbols"] == "unmap", "{name}");
            let Some(symbols) = symbols else { continue };
            let images: Vec<_> = group.main().file.images().map(|image| image.address).collect();
            assert_eq!(symbols.entries().map(|entry| symbols.symbols(entry).len()).sum::<usize>(), symbols.len());
            assert!(symbols.entries().all(|entry| images.contains(&symbols.image_address(entry))), "{name}");
            assert!(
                symbols.entries().flat_map(|entry| symbols.symbols(entry)).all(|it| group.at(it.address.0).is_some())
            );
        }
    }
}

#[test]
fn discovery_finds_the_main_files_alone() {
    let mut expected = Vec::new();
    let mut found = Vec::new();
    for kind in ["real", "split"] {
        let Some(folder) = super::support::fixtures(&format!("cache/{kind}")) else { return };
        found.extend(discovery::find(&folder).unwrap());
        // What cannot be read is found all the same: opening it says why.
        expected.extend(Some(folder.join("malformed/CVE-2022-1244")).filter(|path| path.exists()));
        expected.extend(
            ALL.iter().filter(|it| it.0.starts_with(kind)).map(|(name, main)| cache_folder(name).unwrap().join(main)),
        );
    }
    for name in BUILT {
        let folder = cache_folder(&format!("built-1378/{name}")).unwrap();
        found.extend(discovery::find(&folder).unwrap());
        let manifest = cache_json("built-1378/MANIFEST.json").unwrap();
        let fact = list(&manifest["caches"]).iter().find(|it| it["name"] == name).unwrap();
        expected.extend(list(&fact["main_files"]).iter().map(Value::as_str).map(|main| folder.join(main.unwrap())));
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
