//! Slide info of shared caches that others made, against what independent readers say of every pointer.
//!
//! The fixtures are no part of the project: `DYLD_ATLAS_FIXTURES`, by default `../shared/fixtures` beside the checkout.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::fmt::Write as _;
use std::path::Path;

use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::slide::{Key, Pointer, SlideInfo};
use atlas_core::cache::{CacheFile, CacheGroup, Mapping};
use cpu_time::ThreadTime;
use serde_json::Value;
use support::caches::{cache_folder, cache_json, number};
use support::list;
use support::mutate::Random;

/// A slide as the kernel picks it: pages of 16 KiB.
const SLIDE: u64 = 0x0b5c_4000;

fn group(main: &Path) -> CacheGroup {
    CacheGroup::open(main, &mut |path| Bytes::open(path, Mode::Map)).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn bytes<'a>(file: &'a CacheFile, mapping: &Mapping) -> &'a [u8] {
    &file.bytes()[mapping.file_range(file.bytes().len())]
}

/// The pointers of a mapping, with the version of its slide info; 0 and none where it has no such thing.
fn pointers(file: &CacheFile, mapping: &Mapping) -> (u32, Vec<Pointer>) {
    let Some(info) = SlideInfo::of(file, mapping, file.pointer_size()).unwrap() else { return (0, Vec::new()) };
    let found: Vec<Pointer> = info.pointers(bytes(file, mapping)).map(Result::unwrap).collect();
    check_rebase(&info, mapping, bytes(file, mapping), &found);
    (info.version(), found)
}

/// In memory, every pointer leads to its target and the slide, and no other byte differs; in whatever pieces it is read.
fn check_rebase(info: &SlideInfo<'_>, mapping: &Mapping, bytes: &[u8], pointers: &[Pointer]) {
    let mut expected = bytes.to_vec();
    for pointer in pointers {
        let at = (pointer.address - mapping.address.0) as usize;
        expected[at..at + 8].copy_from_slice(&(pointer.target + SLIDE).to_le_bytes());
    }
    let mut whole = bytes.to_vec();
    info.rebase(bytes, 0, &mut whole, SLIDE).unwrap();
    assert!(whole == expected);
    let mut random = Random::new(mapping.address.0);
    let mut start = 0;
    while start < bytes.len() {
        let end = (start + 1 + random.below(5000)).min(bytes.len());
        let mut window = bytes[start..end].to_vec();
        info.rebase(bytes, start as u64, &mut window, SLIDE).unwrap();
        assert!(window == expected[start..end], "window from {start:#x} to {end:#x}");
        start = end;
    }
}

fn number_of(key: Key) -> u64 {
    [Key::IA, Key::IB, Key::DA, Key::DB].into_iter().position(|one| one == key).unwrap() as u64
}

/// FNV-1a over lines of address, target and signature, separated by tabs.
fn digest(pointers: &[Pointer]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut line = String::new();
    for Pointer { address, target, authentication, .. } in pointers {
        line.clear();
        write!(line, "{address}\t{target}\t").unwrap();
        match authentication {
            None => line.push('-'),
            Some(it) => {
                let key = number_of(it.key) / 2;
                write!(line, "{},{},{key}", it.diversity, u8::from(it.address_diversity)).unwrap();
            }
        }
        line.push('\n');
        for byte in line.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

/// `[address, target, null or [diversity, address diversity, key]]`; `keys` are the numbers that the key is divided by.
fn compare(pointer: &Pointer, expected: &Value, keys: u64) {
    assert_eq!((pointer.address, pointer.target, pointer.size), (number(&expected[0]), number(&expected[1]), 8));
    let found = pointer
        .authentication
        .map(|it| [u64::from(it.diversity), u64::from(it.address_diversity), number_of(it.key) / keys]);
    let expected = expected[2].as_array().map(|it| [number(&it[0]), number(&it[1]), number(&it[2])]);
    assert_eq!(found, expected, "{pointer:?}");
}

#[test]
fn caches_of_the_released_builder() {
    let mut versions = Vec::new();
    for name in ["arm64-universal", "arm64-v2-split", "arm64e-v5", "x86_64-single"] {
        let Some(folder) = cache_folder(&format!("built-1378/{name}")) else { return };
        for (main, facts) in cache_json(&format!("built-1378/{name}/facts.json.gz")).unwrap().as_object().unwrap() {
            for file in group(&folder.join(main)).files() {
                let expected = list(&facts["files"]).iter().find(|it| it["name"] == *file.name).unwrap();
                for (mapping, expected) in file.file.mappings().iter().zip(list(&expected["mappings"])) {
                    let (version, found) = pointers(&file.file, mapping);
                    assert_eq!(u64::from(version), number(&expected["slide_version"]));
                    assert_eq!(found.len() as u64, number(&expected["rebase_count"]));
                    assert_eq!(digest(&found), text(&expected["rebases_fnv1a64"]));
                    found.iter().zip(list(&expected["first_rebases"])).for_each(|(it, wanted)| compare(it, wanted, 1));
                    versions.extend((version != 0).then_some(version));
                }
            }
        }
    }
    assert_eq!(versions, [2, 2, 2, 2, 2, 2, 5, 5, 5, 2, 2]);
}

/// The facts of the mappings of a real cache.
fn facts(name: &str) -> Vec<Value> {
    list(&cache_json(&format!("real/{name}.facts.json")).unwrap()["mappings"]).to_vec()
}

#[test]
fn real_caches() {
    let mut versions = Vec::new();
    for name in ["arm64-dyld1042/dyld_shared_cache_arm64", "arm64-two-images/dyld_shared_cache_arm64", SOURCE] {
        let Some(path) = support::fixtures(&format!("cache/real/{name}")) else { return };
        let group = group(&path);
        for (mapping, expected) in group.main().file.mappings().iter().zip(facts(name)) {
            let (version, found) = pointers(&group.main().file, mapping);
            assert_eq!(u64::from(version), number(&expected["slide_version"]));
            let expected = list(&expected["rebases_vmaddr_value_auth"]);
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(it, wanted)| compare(it, wanted, 1));
            versions.extend((version != 0).then_some((version, found.len())));
        }
    }
    assert_eq!(versions, [(2, 0), (3, 319), (3, 355)]);
}

/// What the split caches are made from.
const SOURCE: &str = "arm64e-objc/dyld_shared_cache_arm64e";

#[test]
fn real_caches_in_several_files() {
    let Some(manifest) = cache_json("split/MANIFEST.json") else { return };
    let facts = facts(SOURCE);
    let expected: Vec<&Value> = facts.iter().flat_map(|it| list(&it["rebases_vmaddr_value_auth"])).collect();
    let mut versions = Vec::new();
    for fixture in list(&manifest) {
        let folder = cache_folder(&format!("split/{}", text(&fixture["dir"]))).unwrap();
        let group = group(&folder.join(text(&fixture["main"])));
        let mut found = Vec::new();
        for file in group.files() {
            for mapping in file.file.mappings() {
                let (version, pointers) = pointers(&file.file, mapping);
                found.extend(pointers);
                versions.extend((version != 0).then_some(version));
            }
        }
        assert_eq!(found.len() as u64, number(&fixture["rebases"]));
        assert_eq!(found.len(), expected.len());
        found.iter().zip(&expected).for_each(|(it, wanted)| compare(it, wanted, 1));
    }
    assert_eq!(versions, [3, 3, 3, 3, 5, 5, 5, 5]);
}

#[test]
fn a_cache_of_the_size_of_a_system() {
    let name = "scale/big-arm64e";
    let Some(folder) = cache_folder(name) else { return };
    let facts = cache_json(&format!("{name}/facts.json.xz")).unwrap();
    let group = group(&folder.join(text(&facts["main_file"])));
    let mut all = Vec::new();
    for file in group.files() {
        let expected = list(&facts["files"]).iter().find(|it| it["name"] == *file.name).unwrap();
        let mut expected = list(&expected["slide"]).iter();
        for mapping in file.file.mappings() {
            let (version, found) = pointers(&file.file, mapping);
            if version == 0 {
                continue;
            }
            let expected = expected.next().unwrap();
            assert_eq!(mapping.address.0, number(&expected["address"]));
            assert_eq!(u64::from(version), number(&expected["version"]));
            assert_eq!(found.len() as u64, number(&expected["pointers"]));
            assert_eq!(digest(&found), text(&expected["fnv1a64"]));
            all.extend(found);
        }
        assert_eq!(expected.count(), 0, "{}", file.name);
    }
    assert_eq!(all.len() as u64, number(&facts["totals"]["slid_pointers"]));
    let signed = all.iter().filter(|it| it.authentication.is_some()).count();
    assert_eq!(signed as u64, number(&facts["totals"]["authenticated_pointers"]));
    for expected in list(&facts["pointers"]) {
        let found = all.iter().find(|it| it.address == number(&expected[0])).unwrap();
        compare(found, expected, 2);
    }
}

#[test]
fn small_windows_are_quick() {
    let Some(folder) = cache_folder("scale/big-arm64e") else { return };
    let group = group(&folder.join("dyld_shared_cache_arm64e"));
    for file in group.files() {
        for mapping in file.file.mappings() {
            let Some(info) = SlideInfo::of(&file.file, mapping, group.pointer_size()).unwrap() else { continue };
            let bytes = bytes(&file.file, mapping);
            let start = ThreadTime::now();
            let mut whole = bytes.to_vec();
            info.rebase(bytes, 0, &mut whole, SLIDE).unwrap();
            let all = start.elapsed();
            let start = ThreadTime::now();
            let mut random = Random::new(1);
            for _ in 0..10_000 {
                let at = random.below(bytes.len() - 16);
                let mut window: [u8; 16] = bytes[at..at + 16].try_into().unwrap();
                info.rebase(bytes, at as u64, &mut window, SLIDE).unwrap();
                assert_eq!(window, whole[at..at + 16]);
            }
            println!("{} KiB in {all:?}, 16 bytes in {:?}", bytes.len() >> 10, start.elapsed() / 10_000);
            // A page has at most 2 048 pointers; nothing else may be looked at.
            assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
        }
    }
}
